"""Commands that copy artifacts to and from the DVC remote."""

from dl_assets.commands.app import ROOT, OptionalName, app, sync_index


@app.command(name="push")
def push_(name: OptionalName = None) -> None:
    """Copy artifacts and champions to the DVC remote, those of one pipeline or of all."""
    from dl_assets.orchestration.remote import push

    sync_index()
    print(f"Copied {push(name, ROOT):,} files to the remote; those that it had already were left out.")


@app.command(name="pull")
def pull_(name: OptionalName = None) -> None:
    """Bring the artifacts that dvc.lock names, and the champions, from the DVC remote."""
    from dl_assets.orchestration.remote import pull

    sync_index()
    print(f"Fetched {pull(name, ROOT):,} files; everything that dvc.lock and champion.dvc name is in its place.")
