"""How sensors reach the webserver that `dl ui` starts. Imports no Dagster, which would cost every `dl run` a second."""

import json
import os
import urllib.request

WEBSERVER = "DL_WEBSERVER"
CODE_LOCATION = "dl_assets"


def run_link(run_id: str) -> str | None:
    """Return where the UI shows a run; None where no webserver is known."""
    address = os.environ.get(WEBSERVER)
    return f"{address.rstrip('/')}/runs/{run_id}" if address else None


def reload_definitions() -> bool:
    """Ask the webserver that `dl ui` started to load the definitions again; False where there is none."""
    address = os.environ.get(WEBSERVER)
    if not address:
        return False
    query = "mutation($name: String!) { reloadRepositoryLocation(repositoryLocationName: $name) { __typename } }"
    body = json.dumps({"query": query, "variables": {"name": CODE_LOCATION}}).encode()
    request = urllib.request.Request(f"{address}/graphql", body, {"Content-Type": "application/json"})  # noqa: S310 - our own webserver
    try:
        with urllib.request.urlopen(request, timeout=30) as answer:  # noqa: S310
            return "errors" not in json.load(answer)
    except OSError:
        return False  # no webserver yet, or none any more: the next tick asks again
