"""The settings of a file besides its stages: server, self-metrics, log level.

Source: docs/reference/flowlogs-pipeline.md#files,
docs/reference/flowlogs-pipeline.md#metrics-settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any, NamedTuple

from msgspec import json

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
_SERVER: dict[ConfigPath, ConfigPath] = {
    (): (),
    ("listen",): ("port",),
    ("tls_cert",): ("tls", "certPath"),
    ("tls_key",): ("tls", "keyPath"),
}
"""Where the fields of a server are in a block with address, port and tls."""
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
    more = _more(root)
    first = metrics if more else next((block for _, block in _own(root)), metrics)
    off = _is_off(root) or (more and metrics.disable_global_server)
    return {
        "server": {
            **_server(first),
            **filled(health=health(others).listen, optional=metrics.no_panic or off),
        },
        **filled(
            metric_servers=[{"stages": names, **json.decode(key)} for key, names in more.items()]
        ),
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
    more = _more(root)
    own = {root.parameters[int(at[1])].name: at for at, _ in _own(root)}
    at: ConfigPath = ("metricsSettings",)
    if own and not more:
        at = next(iter(own.values()))
    servers = {
        ("metric_servers", index, *below): (*own[names[0]], *path)
        for index, names in enumerate(more.values())
        for below, path in _SERVER.items()
    }
    return servers | {
        ("server",): at,
        ("server", "listen"): (*at, "port"),
        ("server", "tls_cert"): (*at, "tls", "certPath"),
        ("server", "tls_key"): (*at, "tls", "keyPath"),
        ("self_metrics", "prefix"): ("metricsSettings", "prefix"),
    }


def problems(root: Root) -> Iterator[Problem]:
    """A warning about a server that is not possible: none."""
    if _is_off(root) or (_more(root) and root.metrics_settings.disable_global_server):
        switch = ("metricsSettings", "disableGlobalServer")
        yield warning(switch, "the server cannot be switched off: it listens on this host only")


def _more(root: Root) -> dict[bytes, list[str]]:
    """The servers besides that of `metricsSettings`, as JSON, with the stages that each serves.

    A server that serves all metrics is the only one, and has the self-metrics too.
    """
    found: dict[bytes, list[str]] = {}
    for at, block in _own(root):
        name = root.parameters[int(at[1])].name
        found.setdefault(json.encode(_server(block)), []).append(name)
    metrics = root.metrics_settings
    asked = _asks(metrics) and not metrics.disable_global_server
    alone = len(found) == 1 and len(_proms(root)) == len(list(_own(root)))
    same = json.encode(_server(metrics)) in found
    return {} if alone and (same or not asked) else found


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
