"""What `dl gc` found, in words."""

import json
from typing import Any


def print_garbage(found: dict[str, Any], *, as_json: bool) -> None:
    """Print what is not needed by pipeline and stage, what was left over, and what to do."""
    if as_json:
        print(json.dumps(found, indent=2))
        return
    unused, kept, leftovers = found["unused"], found["kept"], found["leftovers"]
    print(f"DVC's cache: {kept['objects']} objects ({_size(kept['bytes'])}) are needed, {unused['objects']} are not:")
    for each in found["of"]:
        who = f"{each['stage']}@{each['pipeline']}" if each["stage"] else "of no run that DVC remembers"
        _print_line(who, each["objects"], each["bytes"])
    print(
        f"Needed is what the workspace, every branch, tag and experiment, the commits of the last {found['keep_days']} days "
        "and every champion that ever was are made of."
    )
    if any(each["count"] for each in leftovers.values()):
        print("Left over by runs that were killed, failed or forgotten:")
    for name, each in leftovers.items():
        if each["count"]:
            _print_line(name, each["count"], each["size_bytes"])
    total = _size(unused["bytes"] + sum(each["size_bytes"] for each in leftovers.values()))
    if found["removed"]:
        print(f"Removed: {total}.")
    else:
        print(f"Remove it, {total}, with: dl gc --yes. What is only in this cache is lost then; `dvc push` keeps it elsewhere.")


def _print_line(what: str, count: int, size: int) -> None:
    print(f"  {what:<32} {count:>6} {_size(size):>10}")


def _size(size: float) -> str:
    """Return bytes in a unit that fits.

    >>> _size(0), _size(1_500), _size(2_340_000_000)
    ('0.0 kB', '1.5 kB', '2.3 GB')
    """
    for unit, scale in (("GB", 1e9), ("MB", 1e6)):
        if size >= scale:
            return f"{size / scale:.1f} {unit}"
    return f"{size / 1e3:.1f} kB"
