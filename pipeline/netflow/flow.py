"""The fields of flows from the records of one template (docs/reference/ipfix.md#fields)."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Sequence

import numpy as np
import polars as pl

from pipeline.decode.addresses import ip_name, mac_text
from pipeline.decode.columns import bounds
from pipeline.flows import values
from pipeline.flows.catalogue import dtype_of
from pipeline.netflow import elements as e
from pipeline.netflow.cells import Booleans, Records
from pipeline.netflow.fields import Filled, binary
from pipeline.netflow.mapping import MACS, Mapping
from pipeline.netflow.tcp_flags import EVIDENCE, normalised
from pipeline.stage import BuildContext

_TCP = 6
_TYPES = {5: "NETFLOW_V5", 9: "NETFLOW_V9", 10: "IPFIX"}
_Needs = Callable[[str], bool]


def flows_of(
    records: Records, context: BuildContext, mappings: Sequence[Mapping] = ()
) -> pl.DataFrame:
    """A row for each record, with the fields that `context` needs and TimeReceived."""
    filled = Filled(records)
    mapped = {(one.enterprise, one.element): one for one in mappings}
    for field, cell in zip(records.template.fields, records.cells, strict=True):
        mapping = mapped.get((field.enterprise, field.element))
        if mapping:
            filled.map(mapping, cell)
        if not field.enterprise:
            filled.read(field.element, cell)
    filled.numbers.setdefault("SamplingRate", records.heads["sampling"].astype(np.uint64))
    filled.numbers["SequenceNum"] = records.heads["sequence"].astype(np.uint64)
    if records.template.version == 10:
        filled.numbers["ObservationDomainId"] = records.heads["domain"].astype(np.uint64)
    columns = [column for part in _PARTS for column in part(filled, context.needs)]
    return pl.DataFrame({c.name: c for column in columns for c in _typed(column)})


def _context(filled: Filled, needs: _Needs) -> Iterator[pl.Series]:
    """What is known of the packet that a flow came in, and when the flow was."""
    heads, height = filled.records.heads, filled.height
    yield pl.Series("TimeReceived", heads["received"].astype(np.int64))
    if needs("Type"):
        yield _repeated("Type", _TYPES.get(filled.records.template.version, ""), height)
    for name in ("SamplerAddress", "AgentIP"):
        if needs(name):
            rows = values.distinct(pl.lit(binary(heads["exporter"])), ip_name, pl.String())
            yield pl.select(rows).to_series().alias(name)
    for end, moment in (("Start", filled.moments.start), ("End", filled.moments.end)):
        if needs(f"TimeFlow{end}Ms") or needs(f"TimeFlow{end}"):
            ms, seconds = moment()
            yield from (
                pl.Series(name, found)
                for name, found in ((f"TimeFlow{end}Ms", ms), (f"TimeFlow{end}", seconds))
                if needs(name)
            )


def _told(filled: Filled, needs: _Needs) -> Iterator[pl.Series]:
    """What elements tell."""
    for name in filter(needs, dict.fromkeys((*e.FLOW_NUMBERS, *filled.numbers, *MACS))):
        numbers = pl.Series(name, filled.number(name))
        yield pl.select(mac_text(pl.lit(numbers))).to_series() if name in MACS else numbers
    for name in filter(needs, dict.fromkeys((*e.FLOW_ADDRESSES, *filled.addresses))):
        found = filled.addresses.get(name)
        yield found.text().alias(name) if found else _repeated(name, "", filled.height)
    for name in filter(needs, dict.fromkeys((*e.FLOW_TEXTS, *filled.texts))):
        text = filled.texts.get(name, _repeated(name, "", filled.height))
        yield (text.reshape((-1, 1)) if name == "Interfaces" else text).alias(name)
    if needs("HasMpls"):
        yield _repeated("HasMpls", filled.mpls, filled.height)


def _derived(filled: Filled, needs: _Needs) -> Iterator[pl.Series]:
    """What an agent would tell, from what the exporter does."""
    if needs("Flags") or needs(EVIDENCE):
        tcp = filled.number("Proto") == _TCP
        ends = filled.number("SrcPort"), filled.number("DstPort")
        flags, uncertain = normalised(filled.number("TcpFlags"), *ends)
        yield _where(pl.Series("Flags", flags), tcp)
        yield _where(_repeated(EVIDENCE, "uncertain", filled.height), uncertain & tcp)
    if needs("Dscp"):
        yield pl.Series("Dscp", filled.number("IpTos") >> np.uint64(2) & np.uint64(63))
    if needs("Sampling"):
        rate = filled.number("SamplingRate")
        yield _where(pl.Series("Sampling", rate), rate != 0)


_PARTS = (_context, _told, _derived)


def _repeated(name: str, value: object, height: int) -> pl.Series:
    return pl.Series(name, [value]).new_from_index(0, height)


def _where(column: pl.Series, condition: Booleans) -> pl.Series:
    """The values where the condition holds, null elsewhere."""
    return column.set(~pl.Series(condition), None)


def _typed(column: pl.Series) -> list[pl.Series]:
    """The column in the catalogue's type; what does not fit that goes to the overflow column."""
    dtype = dtype_of(column.name)
    if dtype is None or column.dtype == dtype:
        return [column]
    if column.dtype != pl.UInt64 or not dtype.is_integer():
        return [column.cast(dtype)]
    fits = (column <= bounds(dtype)[1]).fill_null(value=True)
    if fits.all():
        return [column.cast(dtype)]
    odd = column.cast(pl.String).set(fits, None)
    return [column.set(~fits, None).cast(dtype), odd.alias(values.overflow(column.name))]
