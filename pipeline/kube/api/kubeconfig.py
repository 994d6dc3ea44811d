"""Kubeconfig files: detection, the contexts, and the cluster and user of a context."""

from __future__ import annotations

import re
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.diagnostics import ConfigError
from pipeline.kube.api.errors import ConnectError
from pipeline.yaml import kubernetes

_KUBECONFIG = re.compile(r"""^\s*["']?kind["']?\s*:\s*["']?Config["']?\s*,?\s*$""", re.MULTILINE)
_HEAD = 65_536

Fields = dict[str, Any]


class Context(NamedTuple):
    """A cluster and a user of a kubeconfig; relative file names are under `folder`."""

    cluster: Fields
    user: Fields
    folder: Path


def is_kubeconfig(path: Path) -> bool:
    """Whether a file is a kubeconfig, and not an inventory of objects."""
    try:
        with path.open("rb") as file:
            return _KUBECONFIG.search(file.read(_HEAD).decode(errors="replace")) is not None
    except OSError:
        return False


def contexts(path: Path) -> list[str]:
    """The contexts of a kubeconfig file. Raises ConnectError when the file cannot be read."""
    try:
        return [str(context["name"]) for context in _read(path)["contexts"]]
    except (KeyError, TypeError) as error:
        raise ConnectError(f"{path.name}: not a kubeconfig: it lists no contexts") from error


def read(path: Path, name: str = "") -> Context:
    """The context of a name, or the current one.

    Raises ConnectError when the file cannot be read or has no such context, cluster or user.
    """
    config = _read(path)
    name = name or str(config.get("current-context") or "")
    if not name:
        raise ConnectError(f"{path.name}: no current-context: say which one is meant")
    context = _named(path, config, "context", name)
    cluster = _named(path, config, "cluster", str(context.get("cluster") or ""))
    user = _named(path, config, "user", str(context["user"])) if context.get("user") else {}
    if not cluster.get("server"):
        raise ConnectError(f'{path.name}: cluster "{context["cluster"]}" has no server')
    return Context(cluster, user, path.absolute().parent)


def _read(path: Path) -> Fields:
    try:
        text = kubernetes.text_of(path.read_bytes(), path.name)
        document = next(kubernetes.documents(text, path.name), None)
    except OSError as error:
        raise ConnectError(f"{path.name}: cannot be read: {error.strerror}") from error
    except ConfigError as error:
        raise ConnectError(str(error.problems[0])) from error
    found = document.data if document else None
    if not isinstance(found, dict):
        raise ConnectError(f"{path.name}: not a kubeconfig: it lists no contexts")
    return found


def _named(path: Path, config: Fields, what: str, name: str) -> Fields:
    listed = config.get(f"{what}s")
    for entry in listed if isinstance(listed, list) else ():
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(what)
            return found if isinstance(found, dict) else {}
    raise ConnectError(f'{path.name}: there is no {what} "{name}"')
