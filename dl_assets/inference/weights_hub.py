"""Weights from the Hugging Face hub, where timm's are too. What was downloaded once is used from the cache ever after."""

import os
from pathlib import Path

from dl_assets.errors import ConfigError, Outage, PipelineError
from dl_assets.outages import is_outage

# Without an answer in this time there is no network worth to wait for; the library itself would try for minutes.
_TIMEOUT_SECONDS = 10
_FILES = ("model.safetensors", "pytorch_model.bin")


def download(name: str) -> Path:
    """Return the weights' file: of `owner/name[@revision]`, or of what timm calls `resnet18.a1_in1k`.

    Raises ConfigError at once where nothing has been downloaded yet and the hub may not be asked.
    """
    import huggingface_hub
    from huggingface_hub import constants

    repository, _, revision = (name if "/" in name else _of_timm(name)).partition("@")
    try:
        cached = [huggingface_hub.try_to_load_from_cache(repository, file, revision=revision or None) for file in _FILES]
        found = next((Path(path) for path in cached if isinstance(path, str)), None)
        if found is None and constants.is_offline_mode():
            raise ConfigError(
                f"model.weights.hub '{name}' (the hub's {repository}) has not been downloaded yet, and nothing is downloaded "
                "unasked. Run it once with HF_HUB_OFFLINE=0 in front, or download the file and write `weights: {file: PATH}`."
            )
        return found or _fetch(name, repository, revision or None)
    except huggingface_hub.errors.HFValidationError as error:
        raise ConfigError(f"model.weights.hub '{name}' is no name on the hub: {_first_line(error)}") from error


def _fetch(name: str, repository: str, revision: str | None) -> Path:
    import httpx2
    import huggingface_hub
    from huggingface_hub import errors

    try:
        for file in _FILES:
            try:
                address = huggingface_hub.hf_hub_url(repository, file, revision=revision)
                huggingface_hub.get_hf_file_metadata(address, timeout=_TIMEOUT_SECONDS)
            except errors.EntryNotFoundError:
                continue
            return Path(huggingface_hub.hf_hub_download(repository, file, revision=revision))
    except errors.GatedRepoError as error:
        raise ConfigError(f"'{repository}' is given only to those who have asked its owner: {_first_line(error)}") from error
    except (errors.RepositoryNotFoundError, errors.RevisionNotFoundError) as error:
        what = f"'{repository}' of that revision" if isinstance(error, errors.RevisionNotFoundError) else f"'{repository}'"
        raise ConfigError(
            f"model.weights.hub '{name}': the hub at {_endpoint()} has no {what}, or not for you. "
            "The names that timm knows are listed by: dl models backbone --like 'resnet*'"
        ) from error
    except (httpx2.HTTPError, errors.FileMetadataError, OSError) as error:
        kind = Outage if is_outage(error) else PipelineError
        raise kind(
            f"model.weights.hub '{name}' cannot be downloaded from {_endpoint()} "
            f"({type(error).__name__}: {_first_line(error)}). "
            "Mend the connection, or download the file elsewhere and write `weights: {file: PATH}`."
        ) from error
    raise ConfigError(f"model.weights.hub '{name}': '{repository}' holds neither {' nor '.join(_FILES)}.")


def _of_timm(name: str) -> str:
    """Return the repository of weights that timm knows by a name such as `resnet18.a1_in1k`."""
    from timm.models import get_pretrained_cfg, list_pretrained

    from dl_assets.registry import did_you_mean

    known: list[str] = list_pretrained()
    found = get_pretrained_cfg(name) if name in known or any(one.startswith(f"{name}.") for one in known) else None
    if found is None:
        raise ConfigError(
            f"model.weights.hub '{name}' is not known to timm{did_you_mean(name, known) or '.'} Its weights are listed by: "
            f"dl models backbone --like '{name.partition('.')[0]}'. Others are written with their owner: owner/name."
        )
    if not found.hf_hub_id:
        raise ConfigError(
            f"the weights '{name}' are not on the hub. Download {found.url}, and write `weights: {{file: PATH}}`."
        )
    return str(found.hf_hub_id)


def _endpoint() -> str:
    from huggingface_hub import constants

    return os.fspath(constants.ENDPOINT)


def _first_line(error: Exception) -> str:
    return str(error).strip().partition("\n")[0]
