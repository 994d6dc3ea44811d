"""ingest.ipfix (collector) and write.ipfix.

Source: docs/reference/flowlogs-pipeline.md#stage-types, docs/reference/ipfix.md#fields.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from pipeline.config.flp.dialect_common import GoDuration
from pipeline.config.flp.dialect_ingest import Ingest, IpfixIngest
from pipeline.config.flp.dialect_write import Write
from pipeline.config.flp.parts import Native, Parts, filled, is_unset, renamed
from pipeline.diagnostics import ConfigPath, Problem, nearest, warning
from pipeline.netflow.mapping import NAMES

_HOST, _PORT = "0.0.0.0", 2055  # noqa: S104 - as the original does


def ingest(ingest: Ingest, at: ConfigPath) -> Parts:
    """Both types take the block `ipfix`, or else `collector`; `workers` have no effect."""
    name = "collector" if is_unset(ingest.ipfix) else "ipfix"
    block: IpfixIngest = getattr(ingest, name)
    at = (*at, name)
    ports = {"port": block.port, "portLegacy": block.port_legacy}
    for written, port in ports.items():
        if not 0 <= port < 65536:
            yield Problem((*at, written), f"{port} is not a port")
    given = {written: port for written, port in ports.items() if port} or {"port": _PORT}
    host = block.host_name or _HOST
    host = f"[{host}]" if ":" in host else host
    mapping: list[dict[str, Any]] = []
    origins: dict[ConfigPath, ConfigPath] = {(): at, ("listen",): at}
    origins |= {("listen", n): (*at, written) for n, written in enumerate(given)}
    origins["sockets",] = (*at, "sockets")
    for index, part in _mapping(block, (*at, "mapping")):
        if isinstance(part, Problem):
            yield part
        else:
            origins["mapping", len(mapping)] = (*at, "mapping", index)
            mapping.append(part)
    listen = [f"{host}:{port}" for port in given.values()]
    fields = {"listen": listen, **filled(sockets=block.sockets, mapping=mapping)}
    yield Native("ingest_ipfix", fields, origins)


def _mapping(block: IpfixIngest, at: ConfigPath) -> Iterator[tuple[int, dict[str, Any] | Problem]]:
    """The elements that are mapped; a destination that is not a field is passed over, as there."""
    for index, one in enumerate(block.mapping):
        if one.destination not in NAMES:
            text = f'"{one.destination}" is not a field that can be mapped to: it has no effect'
            place = (*at, index, "destination")
            yield index, warning(place, text, nearest(one.destination, NAMES))
            continue
        yield (
            index,
            {
                "element": one.field,
                "field": one.destination,
                **filled(
                    enterprise=one.pen if one.penprovided else 0,
                    little_endian=one.endianness == "little",
                ),
            },
        )


def write(write: Write, at: ConfigPath) -> Parts:
    """write.ipfix: what the original sends, with a queue and retries."""
    block, at = write.ipfix, (*at, "ipfix")
    if not block.target_host:
        yield Problem((*at, "targetHost"), "the collector's host is missing")
    if not 0 < block.target_port < 65536:
        yield Problem((*at, "targetPort"), f"{block.target_port} is not a port")
    host = f"[{block.target_host}]" if ":" in block.target_host else block.target_host
    fields = {
        "target": f"{host}:{block.target_port}",
        **filled(
            transport=block.transport,
            enterprise=block.enterprise_id,
            template_interval=_interval(block.tpl_send_interval),
        ),
    }
    origins = renamed(
        at, target="targetHost", enterprise="enterpriseId", template_interval="tplSendInterval"
    )
    yield Native("write_ipfix", fields, origins)


def _interval(given: GoDuration | None) -> str | float | None:
    """The native form: plain numbers are nanoseconds in the original."""
    return given if given is None or isinstance(given, str) else given / 1e9
