"""Every mistake in a pipeline file is told with its place, with what was found, and with what to do about it."""

import subprocess
import sys
from pathlib import Path

import pytest

from dl_assets.config import Augment, Choice, load_pipeline, scan_pipelines
from dl_assets.errors import ConfigError

GOOD = """\
task: image_classification
source: {kind: builtin, name: digits}
clean: {image_size: 8, channels: 1}
split: {train: 0.7, val: 0.15, test: 0.15}
augment:
  - SubPixelAffine: {rotate: 12}
  - HorizontalFlip
model: {name: cnn, width: 8}
train: {epochs: 20}
evaluate: {}
export: {}
schedule: {}
"""
FLIP = Choice("HorizontalFlip", {"p": 0.5})
AUGMENT = """
  - SubPixelAffine: {rotate: 12}
  - HorizontalFlip"""


def write(root: Path, text: str, name: str = "digits.yaml") -> Path:
    (root / "pipelines").mkdir(exist_ok=True)
    path = root / "pipelines" / name
    path.write_text(text, encoding="utf-8")
    return path


def mistakes(root: Path, text: str) -> str:
    write(root, text)
    with pytest.raises(ConfigError) as error:
        load_pipeline("digits", root).check()
    assert error.value.exit_code == 2
    return str(error.value)


def test_a_good_file_becomes_typed_values(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    pipeline = load_pipeline("digits", tmp_path).check()
    assert pipeline.name == "digits"
    assert pipeline.source == Choice("builtin", {"name": "digits"})
    assert (pipeline.train.epochs, pipeline.train.batch_size) == (20, 64)
    assert pipeline.model.options["width"] == 8
    assert pipeline.augment == Augment([Choice("SubPixelAffine", {"rotate": 12}), Choice("HorizontalFlip", {})])
    assert pipeline.schedule.cron is None


@pytest.mark.parametrize("line", ["owners: [team:vision]", "tags: {x: a:b}"])
def test_what_only_the_parser_of_dvc_cannot_read_is_told_before_it_does(tmp_path: Path, line: str) -> None:
    assert mistakes(tmp_path, f"{GOOD}{line}\n").endswith(
        "digits.yaml:13: not valid YAML: what has a ':' must stand in quotes inside of [] and {}, such as 'team:vision'."
    )


def test_an_empty_section_has_its_defaults(tmp_path: Path) -> None:
    write(tmp_path, GOOD.replace("evaluate: {}", "evaluate:").replace("train: {epochs: 20}", "train: {}"))
    pipeline = load_pipeline("digits", tmp_path).check()
    assert (pipeline.evaluate.bootstrap_samples, pipeline.train.batch_size) == (1000, 64)


@pytest.mark.parametrize(
    ("old", "new", "message"),
    [
        ("train: {e", "trian: {e", "digits.yaml:9: trian is not known here, did you mean 'train'? Allowed: task, source, "),
        ("export: {}", "export: {}\nepochs: 3", "digits.yaml:12: epochs is not known here; it belongs inside `train`."),
        (
            "epochs",
            "epoch",
            "digits.yaml:9: train.epoch is not known here, did you mean 'epochs'? Allowed: epochs, budget_minutes, ",
        ),
        ("20", '"ten"', "digits.yaml:9: train.epochs is 'ten', but must be a whole number such as 3."),
        ("20", "2.5", "digits.yaml:9: train.epochs is 2.5, but must be a whole number such as 3."),
        ("20", "true", "digits.yaml:9: train.epochs is true, but must be a whole number such as 3."),
        ("20", "0", "digits.yaml:9: train.epochs is 0, but must be at least 1."),
        ("20", "20, learning_rate: fast", "is 'fast'. Allowed: auto, or is 'fast', but must be a number such as 0.5."),
        ("20", "20, weight_decay: much", "digits.yaml:9: train.weight_decay is 'much', but must be a number such as 0.5."),
        ("20", "20, weight_decay: .inf", "digits.yaml:9: train.weight_decay is Infinity, but must be a finite number."),
        ("20", "20, seed: -1", "digits.yaml:9: train.seed is -1, but must be at least 0."),
        ("20", "20, accelerator: cuda", "digits.yaml:9: train.accelerator is 'cuda'. Allowed: auto, cpu, gpu, mps."),
        ("0.7", "0.8", "digits.yaml:4: split has train 0.8 + val 0.15 + test 0.15 = 1.1, but the sum must be 1."),
        ("0.15}", "0.15, stratify: yes}", "digits.yaml:4: split.stratify is 'yes', but must be true or false."),
        ("name: cnn", "name: cn", "digits.yaml:8: model.name is 'cn', did you mean 'cnn'? Allowed: "),
        ("name: cnn, ", "", "digits.yaml:8: model.name is missing. Allowed: "),
        ("{name: cnn, width: 8}", "cnn", "digits.yaml:8: model is 'cnn', but must be a mapping such as `{}`."),
        ("width", "widht", "digits.yaml:8: model.widht is not known here, did you mean 'width'? Allowed: weights, width, "),
        (
            "width: 8",
            "weights: imagenet",
            "digits.yaml:8: model.weights is 'imagenet', which is none of `none`, `{file: PATH}`, `{hub: NAME}` or ",
        ),
        ("width: 8", "weights: null", "digits.yaml:8: model.weights is nothing, which is none of `none`, "),
        (
            "width: 8",
            "weights: {fil: a.pt}",
            "which knows no 'fil', did you mean 'file'? Allowed: file, sha256, hub, pipeline.",
        ),
        ("width: 8", "weights: {file: 5}", "which has no text as its file; put it in quotes if it is meant as text."),
        (
            "width: 8",
            "weights: {sha256: a}",
            "which must be one of `none`, `{file: PATH}`, `{hub: NAME}` or `{pipeline: NAME}`.",
        ),
        ("width: 8", "weights: {file: a, sha256: ab}", "which has a sha256 that is not one of 64 digits"),
        ("builtin", "buitlin", "digits.yaml:2: source.kind is 'buitlin', did you mean 'builtin'? Allowed: "),
        (
            "name: digits",
            "name: digit",
            "digits.yaml:2: source.name is 'digit', did you mean 'digits'? Allowed: digits, breast_cancer, diabetes.",
        ),
        ("kind: builtin, name: digits", "kind: folder", "digits.yaml:2: source.path is missing. Add `path: ...`."),
        ("image_c", "image_k", "digits.yaml:1: task is 'image_klassification', did you mean 'image_classification'? Allowed: "),
        ("image_classification", "", "digits.yaml:1: task is missing. Add `task: image_classification`."),
        ("image_classification", "[a]", 'digits.yaml:1: task is ["a"], but must be a name.'),
        ("train: {epochs: 20}\n", "", "digits.yaml: train is missing. Add `train: {}` for the defaults."),
        ("model: {name: cnn, width: 8}\n", "", "digits.yaml: model is missing. Add `model: {name: cnn}`."),
        ("{image_size: 8, channels: 1}", "yes", "digits.yaml:3: clean is 'yes', but must be a mapping such as `{}`."),
        ("image_size", "img_size", "digits.yaml:3: clean.img_size is not known here, did you mean 'image_size'? Allowed: "),
        ("channels: 1", "channels: 2", "digits.yaml:3: clean.channels is 2. Allowed: 1, 3."),
        (
            "SubPixelAffine: {rotate: 12}",
            "{a: 1, b: 2}",
            'digits.yaml:6: augment[0] is {"a": 1, "b": 2}, but must be one transform with its options',
        ),
        (
            "SubPixelAffine: {rotate: 12}",
            "Affin: {}",
            "digits.yaml:6: augment[0] is 'Affin', did you mean 'Affine'? Allowed are ",
        ),
        ("HorizontalFlip", "horizontal_flip", "digits.yaml:7: augment[1] is 'horizontal_flip', did you mean 'HorizontalFlip'?"),
        ("{rotate: 12}", "5", "digits.yaml:6: augment[0].SubPixelAffine is 5, but its options must be a mapping"),
        (
            "rotate: 12",
            "rotat: 12",
            "augment[0].SubPixelAffine.rotat is not known here, did you mean 'rotate'? Allowed: rotate, ",
        ),
        ("rotate: 12", "scale: [1]", "digits.yaml:6: augment[0].SubPixelAffine.scale has too few entries."),
        ("rotate: 12", "scale: [1, 0.5]", "SubPixelAffine.scale is [1, 0.5], which must have the smaller number first."),
        ("HorizontalFlip", "7", "digits.yaml:7: augment[1] is 7, but must be one transform with its options"),
        ("HorizontalFlip", "HorizontalFlip: {prob: 1}", "augment[1].HorizontalFlip.prob is not known here. Allowed: p."),
        ("HorizontalFlip", "HorizontalFlip: {p: 2}", "augment[1].HorizontalFlip.p is 2, but must be at most 1."),
        (
            "HorizontalFlip",
            "Rotate: {limit: far}",
            "digits.yaml:7: augment[1].Rotate.limit is 'far', but must be a list such as",
        ),
        ("HorizontalFlip", "RandomSizedCrop", "augment[1].RandomSizedCrop.min_max_height is missing. Add `min_max_height: "),
        (
            "HorizontalFlip",
            "GaussNoise: {std_range: [0.3, 0.1]}",
            "augment[1].GaussNoise.std_range is [0.3, 0.1]: First value should be less than the second value",
        ),
        ("HorizontalFlip", "CropAndPad", "augment[1].CropAndPad Both px and percent parameters cannot be None simultaneously."),
        (
            "HorizontalFlip",
            "Normalize",
            "digits.yaml:7: augment[1].Normalize makes float32 (ndarray) of the pixels, which stay ",
        ),
        (
            "HorizontalFlip",
            "RandomCrop: {height: 9, width: 9}",
            "digits.yaml:7: augment[1].RandomCrop cannot change a picture of 8 x 8 px with 1 channel",
        ),
        (
            "HorizontalFlip",
            "OneOf: {transforms: [Blur, {GaussNois: {}}]}",
            "digits.yaml:7: augment[1].OneOf.transforms[1] is 'GaussNois', did you mean 'GaussNoise'?",
        ),
        ("HorizontalFlip", "OneOf: {transforms: []}", "augment[1].OneOf.transforms is [], but must have at least 1 entries."),
        ("HorizontalFlip", "OneOf: {transforms: [SubPixelAffine]}", "augment[1].OneOf.transforms[0] is 'SubPixelAffine', did "),
        (
            AUGMENT,
            "mediun",
            "digits.yaml:5: augment is 'mediun', did you mean 'medium'? Allowed: light, medium, heavy, digits.",
        ),
        (
            AUGMENT,
            "5",
            "digits.yaml:5: augment is 5, but must be a preset such as `medium`, a list such as `[]`, or a mapping.",
        ),
        (AUGMENT, "{preset: lite}", "digits.yaml:5: augment.preset is 'lite', did you mean 'light'? Allowed: light, medium, "),
        (AUGMENT, "{preset: light, transforms: []}", "digits.yaml:5: augment has a preset and transforms. Keep one of them."),
        (AUGMENT, "{cutmx: 1}", "digits.yaml:5: augment.cutmx is not known here, did you mean 'cutmix'? Allowed: preset, "),
        (AUGMENT, "{mix_share: 2}", "digits.yaml:5: augment.mix_share is 2, but must be at most 1."),
        (
            AUGMENT,
            "{transforms: [HFlip]}",
            "digits.yaml:5: augment.transforms[0] is 'HFlip'. Allowed are the names of albumentations and ",
        ),
        (
            "20",
            "20, workers: many",
            "train.workers is 'many'. Allowed: auto, or is 'many', but must be a whole number such as 3.",
        ),
        ("schedule: {}", "schedule: {cron: daily}", "digits.yaml:12: schedule.cron is 'daily', which is not a cron expression"),
        (
            "schedule: {}",
            "schedule: {cron: '* * * * * *'}",
            "which is not a cron expression of five fields such as '0 3 * * 1'",
        ),
        ("schedule: {}", "schedule: {cron: 61 * * * *}", "such as '0 3 * * 1' (bad minute)."),
        (
            "schedule: {}",
            "schedule: {timezone: Europe/Paris2}",
            "digits.yaml:12: schedule.timezone is 'Europe/Paris2', which is not a time zone such as 'Europe/Berlin', "
            "did you mean 'Europe/Paris'?",
        ),
        ("export: {}", "train: {}", "digits.yaml:11: 'train' is written twice. Delete one of them."),
        ("epochs: 20", "epochs: 20, epochs: 30", "digits.yaml:9: 'epochs' is written twice. Delete one of them."),
        ("train: {epochs: 20}", "train:\n\tepochs: 20", "digits.yaml:10: not valid YAML: a line is indented with a tab"),
        ("name: digits}", "name: digits", "digits.yaml:3: not valid YAML: expected ',' or '}'"),
        ("20", "2020-13-45", "digits.yaml: not valid YAML: month must be in 1..12."),
        ("export: {}", "export: {}\x00", "digits.yaml: not valid YAML: character "),
        (GOOD, "", "digits.yaml is empty. It needs the sections task, source, "),
        (GOOD, "# nothing\n", "digits.yaml is empty. It needs the sections task, source, "),
        (GOOD, "- a\n- b\n", 'digits.yaml is ["a", "b"], but must be a mapping. It needs the sections task, '),
    ],
)
def test_a_mistake_is_told_with_its_line_and_a_remedy(tmp_path: Path, old: str, new: str, message: str) -> None:
    assert old in GOOD
    new = f" {new}" if old is AUGMENT else new
    text = mistakes(tmp_path, GOOD.replace(old, new, 1))
    assert message in text
    assert "problems:" not in text, "one mistake is one problem"


def test_a_file_in_another_encoding_is_told_with_its_line(tmp_path: Path) -> None:
    write(tmp_path, "").write_bytes(b"task: x\nsource: gr\xfc\xdfe\n")
    with pytest.raises(ConfigError, match=r"digits\.yaml:2: not text in UTF-8 \(byte 0xfc\)\. Save the file"):
        load_pipeline("digits", tmp_path)


def test_a_byte_order_mark_is_no_mistake(tmp_path: Path) -> None:
    write(tmp_path, "\ufeff" + GOOD)
    assert load_pipeline("digits", tmp_path).check().train.epochs == 20


def test_all_problems_of_a_file_are_told_at_once_in_the_order_of_its_lines(tmp_path: Path) -> None:
    text = GOOD.replace("20", "0").replace("0.7", "0.8").replace("builtin", "x").replace("export: {}\n", "")
    assert [line.split(" ")[2:4] for line in mistakes(tmp_path, text).splitlines()[1:]] == [
        ["pipelines/digits.yaml:2:", "source.kind"],
        ["pipelines/digits.yaml:4:", "split"],
        ["pipelines/digits.yaml:9:", "train.epochs"],
        ["pipelines/digits.yaml:", "export"],
    ]


def test_a_wrong_task_does_not_hide_the_problems_of_the_sections_that_depend_on_it(tmp_path: Path) -> None:
    text = mistakes(
        tmp_path,
        GOOD.replace("image_c", "c")
        .replace("channels: 1", "channels: 2")
        .replace("rotate: 12", "rotate: -1")
        .replace("width: 8", "width: -8"),
    )
    assert text.startswith("pipelines/digits.yaml has 4 problems:")
    for key in ("task", "clean.channels", "augment[0].SubPixelAffine.rotate", "model.width"):
        assert f": {key} is " in text


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("none", None),
        ("{file: w/a.pt}", "w/a.pt"),
        ("{hub: resnet18.a1_in1k}", None),
        ("{pipeline: photos}", "data/photos/model"),
    ],
)
def test_weights_are_an_option_of_every_model_and_read_without_importing_one(
    tmp_path: Path, text: str, place: str | None
) -> None:
    write(tmp_path, GOOD.replace("width: 8", f"width: 8, weights: {text}"))
    pipeline = load_pipeline("digits", tmp_path).check()
    assert pipeline.weights.place == place
    assert "weights" not in pipeline.model.options


def test_a_model_that_maps_something_else_is_told_with_those_that_fit(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    from dl_assets.models import cnn

    monkeypatch.setattr(cnn.cnn, "maps", "image->mask")
    text = mistakes(tmp_path, GOOD)
    assert "digits.yaml:8: model.name is 'cnn', which maps image->mask, but task 'image_classification' needs " in text


@pytest.mark.parametrize(
    ("name", "better"),
    [
        ("Digits.yaml", "digits.yaml"),
        ("cats-dogs.yaml", "cats_dogs.yaml"),
        ("digits.yml", "digits.yaml"),
        ("1st.yaml", "st.yaml"),
        ("digits_tune.yaml", "digits_tune_1.yaml"),
        ("digits_crossval.yaml", "digits_crossval_1.yaml"),
        ("maintenance.yaml", "maintenance_1.yaml"),
    ],
)
def test_a_file_name_that_cannot_be_used_comes_with_a_better_one(tmp_path: Path, name: str, better: str) -> None:
    write(tmp_path, GOOD, name)
    with pytest.raises(ConfigError, match=rf"pipelines/{name} is no name .* Rename it to pipelines/{better}\."):
        load_pipeline(name.partition(".")[0], tmp_path)


@pytest.mark.parametrize("webhook", ["https://chat.example.org/hooks/1", "http://127.0.0.1:80", "env:HOOK", "null"])
def test_a_webhook_is_a_url_or_a_variable(tmp_path: Path, webhook: str) -> None:
    write(tmp_path, f"{GOOD}notify: {{webhook: '{webhook}'}}\n".replace("'null'", "null"))
    assert load_pipeline("digits", tmp_path).notify.webhook == (None if webhook == "null" else webhook)


@pytest.mark.parametrize(
    "webhook", ["chat.example.org/hooks", "ftp://chat.example.org", "https:///hooks", "env:", "env:MY-HOOK"]
)
def test_anything_else_is_no_webhook(tmp_path: Path, webhook: str) -> None:
    told = mistakes(tmp_path, f"{GOOD}notify: {{webhook: '{webhook}'}}\n")
    assert "notify.webhook" in told
    assert "must be a URL that begins with https:// or http://, or env:NAME" in told


@pytest.mark.parametrize("other", ["digits.yml", "Digits.yaml"])
def test_two_files_may_not_claim_one_name(tmp_path: Path, other: str) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, other)
    with pytest.raises(ConfigError, match="claim the same name 'digits'"):
        load_pipeline("digits", tmp_path)


def test_a_file_with_a_bad_name_does_not_stop_the_other_pipelines(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    write(tmp_path, GOOD, "Other-One.yaml")
    assert load_pipeline("digits", tmp_path).name == "digits"


def test_the_index_and_hidden_files_are_no_pipelines(tmp_path: Path) -> None:
    for name in ("digits.yaml", "index.yaml", "._digits.yaml", "README.md"):
        write(tmp_path, GOOD, name)
    assert list(scan_pipelines(tmp_path)[0]) == ["digits"]


def test_an_unknown_pipeline_is_told_with_the_nearest(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    with pytest.raises(ConfigError, match=r"pipelines/digist.yaml does not exist, did you mean 'digits'\? Pipelines: digits\."):
        load_pipeline("digist", tmp_path)


def test_outside_of_a_project_the_right_folder_is_named(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match=r"no folder pipelines/ .* in the folder that holds dvc\.yaml"):
        load_pipeline("digits", tmp_path)


def test_the_sections_that_cost_an_import_can_be_left_unchecked(tmp_path: Path) -> None:
    write(tmp_path, GOOD)
    code = (
        "import sys; from dl_assets.config import *; p = load_pipeline('digits');"
        "p.check(tuple(s for s in SECTIONS if s not in ('augment', 'model')));"
        "print({'torch', 'albumentations'} & set(sys.modules))"
    )
    assert subprocess.check_output([sys.executable, "-c", code], cwd=tmp_path, text=True).strip() == "set()"


@pytest.mark.parametrize(
    ("section", "expected"),
    [
        ("", Augment([])),
        ("[]", Augment([])),
        ("digits", Augment([Choice("SubPixelAffine", {"rotate": 12.0, "shift": 0.08, "scale": [0.9, 1.1]})])),
        ("{preset: light, copies: 2}", Augment([Choice("RandomCrop", {"height": 7, "width": 7}), FLIP], copies=2)),
        ("{mixup: 0.2, cutmix: 1, mix_share: 0.5}", Augment([], mixup=0.2, cutmix=1.0, mix_share=0.5)),
        ("{test_time: flip}", Augment([], test_time="flip")),
        ("{transforms: [{HorizontalFlip: {p: 0.5}}], mixup: 0.2}", Augment([FLIP], mixup=0.2)),
        (
            "[{OneOf: {transforms: [Blur, {GaussNoise: {p: 1}}], p: 0.3}}]",
            Augment([Choice("OneOf", {"transforms": [{"Blur": {}}, {"GaussNoise": {"p": 1}}], "p": 0.3})]),
        ),
    ],
)
def test_augment_is_a_preset_a_list_or_a_mapping(tmp_path: Path, section: str, expected: Augment) -> None:
    write(tmp_path, GOOD.replace(AUGMENT, f" {section}"))
    assert load_pipeline("digits", tmp_path).augment == expected


def test_another_view_at_test_time_must_be_one_that_the_kind_of_input_has(tmp_path: Path) -> None:
    text = mistakes(tmp_path, GOOD.replace(AUGMENT, " {test_time: flipp}"))
    assert "augment.test_time is 'flipp'" in text and "did you mean 'flip'?" in text


def test_a_wrong_size_in_clean_does_not_hide_a_wrong_transform(tmp_path: Path) -> None:
    text = mistakes(tmp_path, GOOD.replace("image_size: 8", "image_size: big").replace("HorizontalFlip", "Blur: {p: 7}"))
    assert text.startswith("pipelines/digits.yaml has 2 problems:")
    assert ":3: clean.image_size is 'big'" in text and ":7: augment[1].Blur.p is 7" in text
