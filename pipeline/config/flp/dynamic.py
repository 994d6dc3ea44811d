"""Parameters that are not in the file: those of `dynamicParameters`.

Source: docs/reference/flowlogs-pipeline.md#dynamic-parameters. A ConfigMap of a cluster has them,
or a file: `kubeConfigPath` names a kubeconfig or a file with the ConfigMap, and without `name`
the parameters are in `fileName` itself, as a pod has it that mounts the ConfigMap.
"""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

import msgspec

from pipeline.config.flp.dialect import Dynamic
from pipeline.config.flp.parts import is_unset
from pipeline.diagnostics import Problem, refusal
from pipeline.files import exists
from pipeline.kube.api import kubeconfig
from pipeline.kube.api.access import Access
from pipeline.kube.api.errors import ApiError, ConnectError, UnreachableError
from pipeline.kube.inventory import file as inventory_file
from pipeline.kube.sync.config_map import ConfigMap
from pipeline.yaml import document
from pipeline.yaml.document import Document

PARAMETERS = "parameters"
_NAMESPACE = "default"
_decode = msgspec.json.Decoder(dict[str, str]).decode


class Outside(NamedTuple):
    """What a configuration takes from outside its own file.

    `document`: a mapping with `parameters`; None where there is none, or `problem` says why not.
    `files` were read; `config_map` is to be watched, `entries` are the texts that it had.
    """

    document: Document | None = None
    problem: str = ""
    files: tuple[Path, ...] = ()
    config_map: ConfigMap | None = None
    entries: Mapping[str, str] | None = None


def outside(dynamic: Dynamic | None, folder: Path) -> Outside:
    """The parameters from outside; relative names of files are under `folder`.

    Raises ConfigError when what is read is not valid.
    """
    if dynamic is None or is_unset(dynamic):
        return Outside()
    if not dynamic.file_name:
        return Outside(problem="fileName is missing: the key of the ConfigMap, or a file")
    if not dynamic.name:
        path = folder / dynamic.file_name
        if not exists(path):
            return Outside(problem=f"{path} does not exist", files=(path,))
        return Outside(_parsed(document.read(path), str(path)), files=(path,))
    path = folder / dynamic.kube_config_path
    if dynamic.kube_config_path and exists(path) and not kubeconfig.is_kubeconfig(path):
        return _taken(dynamic, Outside(files=(path,)), *_in_file(dynamic, path))
    access = Access(kubeconfig=dynamic.kube_config_path)
    place = ConfigMap(access, dynamic.namespace or _NAMESPACE, dynamic.name)
    return _taken(dynamic, Outside(config_map=place), *_in_cluster(place, folder))


def _taken(
    dynamic: Dynamic, found: Outside, entries: Mapping[str, str] | None, problem: str
) -> Outside:
    """The parameters among the texts of a ConfigMap."""
    found = found._replace(entries=entries, problem=problem)
    if entries is None:
        return found
    if dynamic.file_name not in entries:
        known = ", ".join(sorted(entries)) or "none"
        return found._replace(problem=f'no key "{dynamic.file_name}": it has {known}')
    where = ConfigMap(Access(), dynamic.namespace or _NAMESPACE, dynamic.name).title
    text, name = entries[dynamic.file_name], f"{where}, {dynamic.file_name}"
    return found._replace(document=_parsed(text, name))


def _parsed(text: str, name: str) -> Document:
    """The document of a text, if it is a mapping with a list of parameters."""
    found = document.load(text, name)
    known = {str(key).lower(): key for key in found.data} if isinstance(found.data, dict) else {}
    written = known.get(PARAMETERS, "")
    if not isinstance(found.data, dict) or not isinstance(found.data.get(written), list):
        raise refusal(found.place(()), 'expected a mapping with a list "parameters"')
    return found


def _in_cluster(place: ConfigMap, folder: Path) -> tuple[Mapping[str, str] | None, str]:
    """What the ConfigMap has, or why that is not known."""
    try:
        connection = place.access.connect(folder)
        try:
            return place.entries(connection), ""
        finally:
            connection.close()
    except (ApiError, ConnectError, UnreachableError, ValueError) as error:
        return None, str(error)


def _in_file(dynamic: Dynamic, path: Path) -> tuple[Mapping[str, str] | None, str]:
    """What the ConfigMap of a file has, or why that is not known."""
    problems: list[Problem] = []
    wanted = ("ConfigMap", dynamic.namespace or _NAMESPACE, dynamic.name)
    for _, one in inventory_file.read(path, problems):
        if (one.kind, one.metadata.namespace or _NAMESPACE, one.metadata.name) == wanted:
            return _decode(one.data), ""
    reason = problems[0].message if problems else f"{path.name} does not have it"
    return None, reason
