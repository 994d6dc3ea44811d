"""As much of kustomize as deploy/ uses: resources, and JSON patches by kind and name."""

from __future__ import annotations

import copy
from pathlib import Path
from typing import Any

import yaml

Manifest = dict[str, Any]


def render(folder: Path) -> list[Manifest]:
    """The objects of a kustomization."""
    kustomization = yaml.safe_load((folder / "kustomization.yaml").read_text())
    unknown = set(kustomization) - {"apiVersion", "kind", "resources", "patches"}
    if unknown:
        raise ValueError(f"not known here: {', '.join(unknown)}")
    found = [one for name in kustomization["resources"] for one in _resources(folder / name)]
    for patch in kustomization.get("patches", []):
        target = patch["target"]
        (index,) = [
            i
            for i, one in enumerate(found)
            if (one["kind"], one["metadata"]["name"]) == (target["kind"], target["name"])
        ]
        found[index] = _patched(found[index], yaml.safe_load(patch["patch"]))
    return found


def _resources(path: Path) -> list[Manifest]:
    if path.is_dir():
        return render(path)
    return [one for one in yaml.safe_load_all(path.read_text()) if one]


def _patched(one: Manifest, operations: list[dict[str, Any]]) -> Manifest:
    """RFC 6902, without move, copy and test."""
    patched = copy.deepcopy(one)
    for operation in operations:
        *parents, last = operation["path"].strip("/").split("/")
        at: Any = patched
        for part in parents:
            at = at[int(part) if isinstance(at, list) else part]
        if operation["op"] == "remove":
            del at[last]
        elif isinstance(at, list) and last == "-":
            at.append(operation["value"])
        elif operation["op"] == "add" or last in at:
            at[last] = operation["value"]
        else:
            raise ValueError(f"nothing to replace at {operation['path']}")
    return patched
