"""Kubeconfig files: detection, the contexts, and the cluster and user of a context."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any, NamedTuple

from pipeline.diagnostics import ConfigError, listed, nearest
from pipeline.files import content, exists, opened, warn_if_open
from pipeline.kube.api import kubeconfig_fields
from pipeline.kube.api.errors import ConnectError
from pipeline.yaml import kubernetes

_KUBECONFIG = re.compile(
    r"""^[ \t]*+["']?kind["']?\s*+:\s*+["']?Config["']?[ \t]*+,?[ \t\r]*+$""", re.MULTILINE
)
_HEAD, _MOST = 65_536, 1 << 24
VARIABLE = "KUBECONFIG"
_FOLDER = ":folder"
_SECRETS = ("token", "password", "client-key-data", "auth-provider")
"""The key under which an entry has the folder of its file; no field has such a name."""
_PLACED = {
    "cluster": ("certificate-authority",),
    "user": ("client-certificate", "client-key", "tokenFile"),
    "context": (),
}
"""The fields of the entries that are names of files."""

Fields = dict[str, Any]
Files = Path | Sequence[Path]
"""A kubeconfig file, or several that are taken as one."""


class Context(NamedTuple):
    """A cluster and a user of a kubeconfig; names of files are absolute.

    `folder` is that of the file with the user, where its plugin runs.
    """

    cluster: Fields
    user: Fields
    folder: Path


def is_kubeconfig(path: Path) -> bool:
    """Whether a file is a kubeconfig, and not an inventory of objects."""
    try:
        with opened(path) as file:
            return _KUBECONFIG.search(file.read(_HEAD).decode(errors="replace")) is not None
    except OSError:
        return False


def default_files(environ: Mapping[str, str] = os.environ) -> list[Path]:
    """The files that kubectl reads where none is named, as far as they are there.

    Those are the ones of $KUBECONFIG, in their order, or else ~/.kube/config.
    Source: https://kubernetes.io/docs/concepts/configuration/organize-cluster-access-kubeconfig/.
    """
    named = [Path(name) for name in environ.get(VARIABLE, "").split(os.pathsep) if name]
    home = environ.get("HOME", "")
    files = named or ([Path(home) / ".kube" / "config"] if home else [])
    return [file for file in files if exists(file)]


def contexts(paths: Files) -> list[str]:
    """The contexts of kubeconfig files. Raises ConnectError when a file cannot be read."""
    config = _merged(paths)
    if not isinstance(config.get("contexts"), list):
        raise ConnectError(f"{_listed(paths)}: not a kubeconfig: it lists no contexts")
    return [str(one["name"]) for one in config["contexts"] if one.get("name")]


def read(paths: Files, name: str = "") -> Context:
    """The context of a name, or the current one, in several files taken as one.

    Of entries with one name the first holds, and relative file names are under the folder of the
    file they stand in. Raises ConnectError when a file cannot be read or there is no such context,
    cluster or user.
    """
    config, where = _merged(paths), _listed(paths)
    name = name or str(config.get("current-context") or "")
    if not name:
        raise ConnectError(f"{where}: no current-context: say which one is meant")
    context = _named(where, config, "context", name)
    if not context.get("cluster"):
        raise ConnectError(f'{where}: context "{name}" names no cluster')
    cluster = _named(where, config, "cluster", str(context["cluster"]))
    user = _named(where, config, "user", str(context["user"])) if context.get("user") else {}
    if not cluster.get("server"):
        raise ConnectError(f'{where}: cluster "{context["cluster"]}" has no server')
    folder = Path(user.pop(_FOLDER, cluster[_FOLDER]))
    return Context(_without(cluster, _FOLDER), user, folder)


def named(paths: Files, name: str = "") -> list[Path]:
    """The files that a context names: certificates, keys and tokens. Raises ConnectError."""
    context = read(paths, name)
    given = [context.cluster.get(key) for key in _PLACED["cluster"]]
    given += [context.user.get(key) for key in _PLACED["user"]]
    return [Path(str(file)) for file in given if file]


def files_of(paths: Files) -> list[Path]:
    """The files, in their order."""
    return [paths] if isinstance(paths, Path) else list(paths)


def _listed(paths: Files) -> str:
    return ", ".join(map(str, files_of(paths)))


def _without(fields: Fields, name: str) -> Fields:
    return {key: value for key, value in fields.items() if key != name}


def _merged(paths: Files) -> Fields:
    """The files as one: lists after each other, and the first value of everything else."""
    merged: Fields = {}
    for path in files_of(paths):
        for key, value in _read(path).items():
            if key.removesuffix("s") in _PLACED and isinstance(value, list):
                entries = [_placed(one, key.removesuffix("s"), path) for one in value if one]
                merged[key] = [*(merged.get(key) or []), *entries]
            elif value not in (None, ""):
                merged.setdefault(key, value)
    return merged


def _placed(entry: Any, what: str, path: Path) -> Any:
    """An entry with its file names under the folder of its file."""
    fields = entry.get(what) if isinstance(entry, dict) else None
    if not isinstance(fields, dict):
        return entry if isinstance(entry, dict) else {}
    folder = path.absolute().parent
    files = {key: str(folder / str(fields[key])) for key in _PLACED[what] if fields.get(key)}
    own = {_FOLDER: str(folder)} if what != "context" else {}
    return {**entry, what: {**fields, **files, **own}}


def _read(path: Path) -> Fields:
    try:
        text = kubernetes.text_of(content(path, _MOST), str(path))
        document = next(kubernetes.documents(text, str(path)), None)
    except OSError as error:
        raise ConnectError(f"{path}: cannot be read: {error.strerror}") from error
    except ConfigError as error:
        raise ConnectError(str(error.problems[0])) from error
    found = document.data if document else None
    if not isinstance(found, dict):
        raise ConnectError(f"{path}: not a kubeconfig: it lists no contexts")
    if any(_secrets(entry) for entry in _entries(found, "users")):
        warn_if_open(path)
    return found


def _secrets(entry: Any) -> bool:
    """Whether a user has a secret in the kubeconfig itself."""
    user = entry.get("user") if isinstance(entry, dict) else None
    return isinstance(user, dict) and any(map(user.get, _SECRETS))


def _entries(config: Fields, name: str) -> list[Any]:
    listed = config.get(name)
    return listed if isinstance(listed, list) else []


def _named(where: str, config: Fields, what: str, name: str) -> Fields:
    entries = _entries(config, f"{what}s")
    for entry in entries:
        if isinstance(entry, dict) and entry.get("name") == name:
            found = entry.get(what) or {}
            if not isinstance(found, dict):
                raise ConnectError(f'{where}: {what} "{name}" is not a mapping')
            kubeconfig_fields.check(where, what, name, found)
            return dict(found)
    known = [str(one["name"]) for one in entries if isinstance(one, dict) and one.get("name")]
    hint = nearest(name, known) or f"there is {listed(known)}"
    raise ConnectError(f'{where}: there is no {what} "{name}"; {hint}')
