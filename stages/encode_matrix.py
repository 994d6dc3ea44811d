"""Flows to the facts of edges: who talks to whom, as `flowmatrix matrix` shows it."""

from __future__ import annotations

import math
from collections.abc import Iterator
from typing import Annotated, ClassVar

import msgspec
import polars as pl

from pipeline.diagnostics import ConfigPath
from pipeline.flows import values
from pipeline.stage import (
    AddressLimit,
    BuildContext,
    Encode,
    Encoded,
    Encoder,
    Example,
    Family,
    Fields,
    Policy,
    RejectedValue,
    edge_facts,
)
from pipeline.stage.duration import Duration, seconds
from pipeline.stage.edge_facts import ATTRIBUTES, EDGES, Attribute
from stages.edges import facing, reading

_ENDS = (("client_address", "client_namespace"), ("server_address", "server_namespace"))
_APART = (
    edge_facts.REPORTER,
    edge_facts.EVIDENCE,
    edge_facts.ATTRIBUTE,
    edge_facts.ATTRIBUTE_VALUE,
)
"""Labels that several rows of one edge differ in."""
_MOST = 2.0**53
_Limit = Annotated[int, msgspec.Meta(ge=0)]


class EncodeMatrix(Encoder, frozen=True, kw_only=True, tag="encode_matrix"):
    """Count flows by edge, exactly: client, server, protocol and the server's port.

    The edges are not exposed; `flowmatrix matrix` reads them. An end is a workload, a node, a
    Service, a labelled subnet, or else an external address. Which end is the server is taken from
    TCP flags, echoes and ports. Counted are flows, bytes and packets both ways, connections opened,
    accepted and refused, drops, and verdicts of network policies; and for each of the `attributes`
    the values that were seen. The days of the last nine weeks with a flow are kept as well.
    In each partition, a namespace keeps `max_external` rows with an external address, and as many
    with the network (/24, /64) that stands for further ones; all others have `__overflow__`. Beyond
    `max_edges` rows, what is new goes into one. 0 means no limit. Sums are exact all the same.
    An edge that has no flow for `retention` (0: for ever) is dropped.
    """

    example: ClassVar[Example] = Example(
        config="- {name: edges, type: encode_matrix, follows: flows}",
        flows="""
            {"SrcK8S_OwnerName": "ui", "DstAddr": "8.8.8.8", "DstPort": 53, "Flags": 2}
            {"DstK8S_OwnerName": "ui", "SrcAddr": "8.8.8.8", "SrcPort": 53, "Flags": 256}
            {"SrcK8S_OwnerName": "ui", "DstK8S_OwnerName": "dns", "DstPort": 53}
        """,
        output="""
            matrix_edges{client_workload="ui",server_address="8.8.8.8",port="53",evidence="syn"}
              flows=1 syn=1
            matrix_edges{client_workload="ui",server_address="8.8.8.8",port="53",evidence="syn_ack"}
              reply_flows=1 syn_ack=1
            matrix_edges{client_workload="ui",server_workload="dns",port="53",evidence="well_known"}
              flows=1
        """,
    )

    max_external: _Limit = 10_000
    max_edges: _Limit = 1_000_000
    retention: Duration = 0
    knows_parts: ClassVar[bool] = True
    attributes: list[Attribute] = msgspec.field(default_factory=lambda: list(Attribute))

    def reads(self) -> Fields:
        return reading.fields(self.attributes)

    def families(self) -> tuple[Family, ...]:
        return EDGES, ATTRIBUTES

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        """Its labels are no fields."""
        yield from ()

    def definitions(self) -> tuple[object, ...]:
        """Limits, and what is said besides, change without a new start."""
        return EDGES.shape, ATTRIBUTES.shape

    def policy(self) -> Policy:
        return Policy(
            group=self.name,
            max_series_per_metric=self.max_edges,
            retention=seconds(self.retention) or math.inf,
            addresses=AddressLimit(self.max_external, _ENDS, _APART) if self.max_external else None,
        )

    def build(self, context: BuildContext) -> Encode:
        def encode(flows: pl.DataFrame) -> Encoded:
            rejected = _rejected(flows)
            if rejected:
                rows = pl.Series([value.row for value in rejected]).unique()
                flows = flows.filter(~pl.int_range(pl.len()).is_in(rows.implode()))
            read = reading.read(flows, self.attributes)
            keys = facing.keys(read)
            deltas = [facing.edges(read, keys), *facing.attributes(read, keys, self.attributes)]
            return Encoded(deltas, 0, rejected)

        return encode


def _rejected(flows: pl.DataFrame) -> tuple[RejectedValue, ...]:
    """The first value of each flow that cannot be added up, once for each family."""
    found: dict[int, tuple[str, str]] = {}
    for field in reading.COUNTS:
        for row, text in _not_counts(flows, field):
            found.setdefault(row, (field, text))
    return tuple(
        RejectedValue(
            row,
            f'{family.name}: {field} "{text}" is not a count',
            "ValueConversionError",
            family.name,
            field,
        )
        for row, (field, text) in sorted(found.items())
        for family in (EDGES, ATTRIBUTES)
    )


def _not_counts(flows: pl.DataFrame, field: str) -> list[tuple[int, str]]:
    """The rows where a field has something that is not a count, and that as text."""
    schema = flows.schema
    dtype = schema.get(field)
    typed = dtype is None or dtype.is_unsigned_integer()
    if typed and values.overflow(field) not in schema:
        most = flows[field].max() if dtype == pl.UInt64 else None
        if not isinstance(most, int) or most <= _MOST:
            return []
    number = values.number(schema, field)
    text = values.text(schema, field)
    wrong = number.is_null() | number.is_nan() | (number < 0) | (number > _MOST)
    rows = flows.with_row_index(":row").filter(text.is_not_null() & wrong)
    return rows.select(":row", text).rows()
