"""What the fields of clusters, users and contexts of a kubeconfig must be.

Others than these are not read. Source: https://kubernetes.io/docs/reference/config-api/kubeconfig.v1/.
"""

from __future__ import annotations

from base64 import b64decode
from collections.abc import Callable, Iterator, Mapping
from typing import Annotated, Any, Literal

from msgspec import Meta

from pipeline.diagnostics import Problem, dotted
from pipeline.flows.hosts import of_url
from pipeline.kube.api.errors import ConnectError
from pipeline.yaml import validate

_Fields = Mapping[str, Any]


def _holding(label: str) -> Callable[[str], None]:
    def check(text: str) -> None:
        data = b64decode("".join(text.split()), validate=True)
        if b"-----BEGIN " not in data or label.encode() not in data:
            raise ValueError(label)

    return check


_EXPECTED = "{} in PEM, which is in base64"
_Certificate = Annotated[
    str,
    Meta(extra={"expected": _EXPECTED.format("a certificate"), "check": _holding("CERTIFICATE")}),
]
_Key = Annotated[
    str, Meta(extra={"expected": _EXPECTED.format("a key"), "check": _holding("PRIVATE KEY")})
]
_Server = Annotated[
    str,
    Meta(
        pattern=r"^https?://[^\s/]",
        extra={"expected": "a URL such as https://10.0.0.1:6443", "check": of_url},
    ),
]
_TYPES: dict[str, dict[str, Any]] = {
    "context": {"cluster": str, "user": str, "namespace": str},
    "cluster": {
        **dict.fromkeys(("certificate-authority", "tls-server-name", "proxy-url"), str),
        "server": _Server,
        "certificate-authority-data": _Certificate,
        "insecure-skip-tls-verify": bool,
        "extensions": list[dict[str, object]],
    },
    "user": {
        **dict.fromkeys(("token", "tokenFile", "username", "password", "as", "as-uid"), str),
        **dict.fromkeys(("client-certificate", "client-key"), str),
        "client-certificate-data": _Certificate,
        "client-key-data": _Key,
        "as-groups": list[str],
        "as-user-extra": dict[str, list[str]],
        "auth-provider": dict[str, object],
        "exec": dict[str, object],
    },
    "exec": {
        **dict.fromkeys(("command", "apiVersion", "installHint"), str),
        "args": list[str],
        "env": list[dict[str, str]],
        "interactiveMode": Literal["Never", "IfAvailable", "Always"],
        "provideClusterInfo": bool,
    },
}
_SECRETS = frozenset(
    {"token", "password", "client-key-data", "client-certificate-data", "args", "env"}
)


def check(where: str, what: str, name: str, fields: _Fields) -> None:
    """Raise ConnectError with the first thing that is wrong with an entry; it shows no secret."""
    for problem in _problems(what, fields):
        field = f", field {dotted(problem.path)}" if problem.path else ""
        hint = f"; {problem.hint}" if problem.hint else ""
        raise ConnectError(f'{where}: {what} "{name}"{field}: {problem.message}{hint}')


def _problems(what: str, fields: _Fields) -> Iterator[Problem]:
    for name, kind in _TYPES[what].items():
        if fields.get(name) not in (None, ""):
            for problem in validate.problems(fields[name], kind, (name,)):
                said = problem.message.partition(", got ")[0] if name in _SECRETS else None
                yield Problem(problem.path, said or problem.message, problem.hint)
    if what == "user":
        yield from _user(fields)


def _user(fields: _Fields) -> Iterator[Problem]:
    """What belongs together."""
    if _has(fields, "client-certificate") and not _has(fields, "client-key"):
        yield Problem(("client-certificate",), "a certificate needs client-key, or client-key-data")
    plugin = fields.get("exec")
    if plugin is None:
        return
    yield from (problem.under("exec") for problem in _problems("exec", plugin))
    if not plugin.get("command"):
        yield Problem(("exec",), 'missing field "command"', "give the name of the plugin")
    for number, one in enumerate(plugin.get("env") or ()):
        if missing := {"name", "value"} - one.keys():
            yield Problem(("exec", "env", number), f'missing field "{min(missing)}"')


def _has(fields: _Fields, name: str) -> bool:
    return bool(fields.get(name) or fields.get(f"{name}-data"))
