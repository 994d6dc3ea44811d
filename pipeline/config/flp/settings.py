"""The settings of a file besides its stages: server, self-metrics, log level.

Source: docs/reference/flowlogs-pipeline.md#files,
docs/reference/flowlogs-pipeline.md#metrics-settings.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from typing import Any

from pipeline.config.flp.dialect import Metrics, Prom, Root, ServerTls
from pipeline.config.flp.parts import filled, is_unset
from pipeline.diagnostics import ConfigPath, Key, Problem, nearest, warning

STRICT = ("pipeline", "parameters", "dynamicParameters", "metricsSettings")
"""The keys that are read strictly."""

LOG_LEVEL = "log-level"
_LEVELS = {"trace": "debug", "warn": "warning"} | {
    level: level for level in ("debug", "info", "warning", "error")
}
_HEALTH = "the server of /metrics also answers /healthz and /readyz"
_UNUSED = {
    "healthAddr": _HEALTH,
    "health": _HEALTH,
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
    for key, value in data.items():
        if key.lower() == LOG_LEVEL or (key.lower() in known and is_unset(value)):
            continue
        if key.lower() in known:
            yield warning((Key(key),), f'"{key}" is not used here', known[key.lower()])
        else:
            hint = nearest(key, [*STRICT, LOG_LEVEL, *_UNUSED])
            yield warning((Key(key),), f'unknown key "{key}" is ignored', hint)


def native(root: Root, others: Mapping[str, Any]) -> dict[str, Any]:
    """The native settings; the defaults are those of the original."""
    levels = [str(value).lower() for key, value in others.items() if key.lower() == LOG_LEVEL]
    metrics = root.metrics_settings
    return {
        "server": _server(next((block for _, block in _own(root)), metrics)),
        "self_metrics": {
            "prefix": metrics.prefix,
            "process": not metrics.suppress_default_metrics,
        },
        "log_level": _LEVELS.get(levels[0] if levels else "", "error"),
    }


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
    if metrics.disable_global_server and not own:
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


def _asks(block: Prom | Metrics) -> bool:
    return not is_unset((block.address, block.port, block.tls))


def _server(block: Prom | Metrics) -> dict[str, Any]:
    off = isinstance(block, Metrics) and block.disable_global_server
    host = "127.0.0.1" if off else block.address or "0.0.0.0"  # noqa: S104 # the original's default
    host = f"[{host}]" if ":" in host else host
    tls = block.tls or ServerTls()
    return {
        "listen": f"{host}:{block.port or PORT}",
        **filled(tls_cert=tls.cert_path, tls_key=tls.key_path),
    }
