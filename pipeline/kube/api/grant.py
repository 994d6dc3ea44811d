"""The commands that grant what an API server does not allow."""

from __future__ import annotations

import re
import shlex
from collections.abc import Iterable, Mapping

_USER = re.compile(r'User "([^"]+)" cannot ')
_ACCOUNT = "system:serviceaccount:"
_NAME = "flowmatrix-reader"
_VERBS = "get,list,watch"


def user_of(message: str) -> str:
    """The user that a refusal names; "" where it names none."""
    found = _USER.search(message)
    return found[1] if found else ""


def commands(user: str, wanted: Iterable[tuple[str, str]]) -> str:
    """The commands that let a user read resources, each with its namespace ("" for all).

    A resource is its plural, with its API group where it has one: replicasets.apps.
    """
    spaces: dict[str, list[str]] = {}
    for resource, namespace in wanted:
        spaces.setdefault(namespace, []).append(resource)
    return " && ".join(_pair(user, space, found) for space, found in _sorted(spaces).items())


def _sorted(spaces: Mapping[str, list[str]]) -> dict[str, list[str]]:
    return {space: list(dict.fromkeys(spaces[space])) for space in sorted(spaces)}


def _pair(user: str, namespace: str, resources: list[str]) -> str:
    kind = "role" if namespace else "clusterrole"
    inside = f" -n {shlex.quote(namespace)}" if namespace else ""
    listed = shlex.quote(",".join(resources))
    return (
        f"kubectl create {kind} {_NAME}{inside} --verb={_VERBS} --resource={listed} && "
        f"kubectl create {kind}binding {_NAME}{inside} --{kind}={_NAME} {_subject(user)}"
    )


def _subject(user: str) -> str:
    if user.startswith(_ACCOUNT):
        return f"--serviceaccount={shlex.quote(user.removeprefix(_ACCOUNT))}"
    return f"--user={shlex.quote(user)}"
