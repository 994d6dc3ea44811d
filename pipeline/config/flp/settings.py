"""The settings of a file besides its stages: server, self-metrics, log level.

Source: docs/reference/flowlogs-pipeline.md#files,
docs/reference/flowlogs-pipeline.md#metrics-settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from pipeline.config.flp.dialect import Metrics, Root
from pipeline.config.flp.dialect_encode import Prom, ServerTls
from pipeline.config.flp.parts import filled, is_unset
from pipeline.diagnostics import ConfigPath, Key, Problem, nearest, warning

STRICT = ("pipeline", "parameters", "dynamicParameters", "metricsSettings")
"""The keys that are read strictly."""

LOG_LEVEL = "log-level"
_LEVELS = {"trace": "debug", "warn": "warning"} | {
    level: level for level in ("debug", "info", "warning", "error")
}
_HEALTH_ADDRESS, _HEALTH = "healthAddr", "health"
_USED = (LOG_LEVEL, _HEALTH_ADDRESS, _HEALTH)
_EVERYWHERE = "0.0.0.0"  # noqa: S104 - the default of the original
_UNUSED = {
    "pprofAddr": "there is no profiling server",
    "profile": "there is no profiling server",
    "k8scache": "each process has an index of its own",
    "perfSettings": "the original does not read it from a file either",
}
PORT = 9090


def split(data: Mapping[str, Any]) -> tuple[dict[str, Any], dict[str, Any]]:
    """The strictly read part of a file, and the rest."""
    strict = {key: value for key, value in data.items() if is_strict(key)}
    return strict, {key: value for key, value in data.items() if key not in strict}


def is_strict(key: str) -> bool:
    """Whether what a file has under this key is read strictly."""
    return key.lower() in {name.lower() for name in STRICT}


def rest(data: Mapping[str, Any]) -> Iterator[Problem]:
    """Warnings about the keys that are not read strictly."""
    known = {name.lower(): why for name, why in _UNUSED.items()}
    used = {name.lower() for name in _USED}
    for key, value in data.items():
        if key.lower() in used or (key.lower() in known and is_unset(value)):
            continue
        if key.lower() in known:
            yield warning((Key(key),), f'"{key}" is not used here', known[key.lower()])
        else:
            hint = nearest(key, [*STRICT, *_USED, *_UNUSED])
            yield warning((Key(key),), f'unknown key "{key}" is ignored', hint)


def native(root: Root, others: Mapping[str, Any]) -> dict[str, Any]:
    """The native settings; the defaults are those of the original."""
    levels = [str(value).lower() for key, value in others.items() if key.lower() == LOG_LEVEL]
    metrics = root.metrics_settings
    return {
        "server": {
            **_server(next((block for _, block in _own(root)), metrics)),
            **filled(health=health(others).listen, optional=metrics.no_panic or _is_off(root)),
        },
        "self_metrics": {
            "prefix": metrics.prefix,
            "process": not metrics.suppress_default_metrics,
        },
        "log_level": _LEVELS.get(levels[0] if levels else "", "error"),
    }


class Health(NamedTuple):
    """Where probes are answered, "" for nowhere, and what of the file says so."""

    listen: str = ""
    origins: Mapping[ConfigPath, ConfigPath] = {}


def health(data: Mapping[str, Any]) -> Health:
    """The address of `healthAddr`, or that of `health: {address, port}`, as older releases have it.

    Without a host it is every address.
    """
    given = {key.lower(): key for key in data}
    at = ("server", "health")
    key = given.get(_HEALTH_ADDRESS.lower(), "")
    if key and not is_unset(data[key]):
        listen = str(data[key])
        return Health(f"{_EVERYWHERE * listen.startswith(':')}{listen}", {at: (key,)})
    block = data.get(given.get(_HEALTH, ""))
    if not isinstance(block, dict) or is_unset(block.get("port")):
        return Health()
    host = str(block.get("address") or _EVERYWHERE)
    listen = f"{f'[{host}]' if ':' in host else host}:{block['port']}"
    return Health(listen, {at: (given[_HEALTH], "port")})


def origins(root: Root) -> dict[ConfigPath, ConfigPath]:
    """Where the native settings come from (dialect paths)."""
    at = next((at for at, _ in _own(root)), ("metricsSettings",))
    return {
        ("server",): at,
        ("server", "listen"): (*at, "port"),
        ("server", "tls_cert"): (*at, "tls", "certPath"),
        ("server", "tls_key"): (*at, "tls", "keyPath"),
        ("self_metrics", "prefix"): ("metricsSettings", "prefix"),
    }


def problems(root: Root) -> Iterator[Problem]:
    """Problems with servers that are not possible: one server serves all metrics."""
    own = list(_own(root))
    metrics = root.metrics_settings
    served = [_server(block) for _, block in own]
    if _is_off(root):
        switch = ("metricsSettings", "disableGlobalServer")
        yield warning(switch, "the server cannot be switched off: it listens on this host only")
    elif _asks(metrics) and not metrics.disable_global_server:
        served.insert(0, _server(metrics))
    for at, block in own:
        if len(_proms(root)) > len(own) or _server(block) != served[0]:
            message = "an own server is only possible when it serves all metrics"
            yield Problem(at, message, "leave out address, port and tls")


def _proms(root: Root) -> dict[ConfigPath, Prom]:
    return {
        ("parameters", index, "encode", "prom"): parameter.encode.prom
        for index, parameter in enumerate(root.parameters)
        if parameter.encode and parameter.encode.type == "prom"
    }


def _own(root: Root) -> Iterator[tuple[ConfigPath, Prom]]:
    yield from ((at, block) for at, block in _proms(root).items() if _asks(block))


def _is_off(root: Root) -> bool:
    """Whether the original has no server."""
    return root.metrics_settings.disable_global_server and not list(_own(root))


def _asks(block: Prom | Metrics) -> bool:
    return not is_unset((block.address, block.port, block.tls))


def _server(block: Prom | Metrics) -> dict[str, Any]:
    off = isinstance(block, Metrics) and block.disable_global_server
    host = "127.0.0.1" if off else block.address or _EVERYWHERE
    host = f"[{host}]" if ":" in host else host
    tls = block.tls or ServerTls()
    return {
        "listen": f"{host}:{block.port or PORT}",
        **filled(tls_cert=tls.cert_path, tls_key=tls.key_path),
    }
