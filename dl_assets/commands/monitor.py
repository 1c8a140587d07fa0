"""The command that looks for drift."""

from dl_assets.commands.app import ROOT, AsJson, Name, app


@app.command(name="monitor")
def monitor_(name: Name, as_json: AsJson = False) -> None:
    """Tell whether the latest predictions drifted from what the model that serves was judged by."""
    import json

    from dl_assets.config import load_pipeline
    from dl_assets.operations.monitor import monitor
    from dl_assets.operations.monitoring import MONITOR

    told = monitor(load_pipeline(name, ROOT), ROOT)
    if as_json:
        print(json.dumps(told, indent=2, ensure_ascii=False))
    else:
        print(f"{told['verdict'].replace('_', ' ')}: {told['reason']}")
        print(f"The page: {ROOT / 'data' / name / MONITOR / 'monitor.html'}")
