"""`make audit ADVISORIES=FOLDER`: known vulnerabilities of the pins, in advisories at hand.

FOLDER is a checkout of PyPA's advisory database: vulns/<package>/*.yaml, in the format of OSV.
"""

from __future__ import annotations

import sys
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any

import yaml
from packaging.utils import canonicalize_name
from packaging.version import Version

from tools.sbom import components

_ROOT = Path(__file__).parent.parent


def found(pins: Iterable[tuple[str, str]], folder: Path) -> Iterator[str]:
    """A line for each advisory that a pin (name, version) is affected by. Raises OSError."""
    for name, version in pins:
        package = canonicalize_name(name)
        for file in sorted((folder / "vulns" / package).glob("*.yaml")):
            advisory = yaml.safe_load(file.read_bytes())
            if not advisory.get("withdrawn") and _affects(advisory, package, Version(version)):
                known = ", ".join([advisory["id"], *advisory.get("aliases", ())])
                yield f"{name} {version}: {known}"


def _affects(advisory: dict[str, Any], package: str, version: Version) -> bool:
    return any(
        str(version) in one.get("versions", ())
        or any(_contains(events["events"], version) for events in _ranges(one))
        for one in advisory["affected"]
        if canonicalize_name(one["package"]["name"]) == package
    )


def _ranges(affected: dict[str, Any]) -> list[dict[str, Any]]:
    return [one for one in affected.get("ranges", ()) if one["type"] == "ECOSYSTEM"]


def _contains(events: list[dict[str, str]], version: Version) -> bool:
    """Whether a version is in a range: introduced, and neither fixed nor past the last one."""
    inside = False
    for event in events:
        (kind, at), *_ = event.items()
        if kind == "introduced":
            inside |= at == "0" or Version(at) <= version
        elif kind == "fixed":
            inside &= version < Version(at)
        elif kind == "last_affected":
            inside &= version <= Version(at)
    return inside


def main(folder: Path) -> int:
    """The exit code: 1 when there are some."""
    text = (_ROOT / "requirements-dev.txt").read_text()
    pins = [(one.name, one.version) for one in components(text)]
    known = [name for name, _ in pins if (folder / "vulns" / canonicalize_name(name)).is_dir()]
    lines = list(found(pins, folder))
    sys.stdout.write("".join(f"{line}\n" for line in lines))
    sys.stdout.write(
        f"{len(pins)} pins, {len(known)} of them with advisories, {len(lines)} vulnerabilities\n"
    )
    return int(bool(lines) or not known)


if __name__ == "__main__":
    sys.exit(main(Path(sys.argv[1])))
