"""What else the flows of an edge have said, as lists of its row."""

from __future__ import annotations

from collections.abc import Mapping

import polars as pl

from matrix.counting import EDGE
from matrix.edges import LISTS
from pipeline.stage.edge_facts import Attribute

_COLUMNS = {
    Attribute.SERVICE: "services",
    Attribute.DROP_CAUSE: "drop_causes",
    Attribute.POLICY: "policies",
    Attribute.TLS_VERSION: "tls_versions",
    Attribute.CLIENT_ZONE: "zones",
    Attribute.SERVER_ZONE: "zones",
    Attribute.DNS_NAME: "dns_names",
}
_SAID = [name for name in LISTS if name in _COLUMNS.values()]


def listed(
    attributes: pl.DataFrame, edges: pl.DataFrame, services: Mapping[str, str]
) -> pl.DataFrame:
    """The values of each edge: EDGE, then `edges.LISTS` but days (sorted, without repetitions).

    `attributes`: an id, attribute and value (String). `edges`: the ids and the EDGE of each.
    `services`: cluster address -> name of the Service; an address without one stays.
    """
    (by,) = set(edges.columns) - {EDGE}
    column = pl.col("attribute").replace_strict(_COLUMNS, default=None, return_dtype=pl.String)
    values = attributes.select(by, column.alias("column"), "value").drop_nulls("column")
    values = values.with_columns(_service_names(values, services)).join(edges, on=by)
    return values.group_by(EDGE).agg(
        pl.col("value").filter(pl.col("column") == name).unique().sort().alias(name)
        for name in _SAID
    )


def filled(edges: pl.DataFrame) -> pl.DataFrame:
    """Edges with empty lists in the place of missing ones."""
    empty = pl.lit([], dtype=pl.List(pl.String))
    return edges.with_columns(pl.col(name).fill_null(empty) for name in LISTS)


def _service_names(values: pl.DataFrame, services: Mapping[str, str]) -> pl.Expr:
    """The value; of a translated address and port, the name of the Service and the port."""
    is_service = pl.col("column") == "services"
    texts = values.filter(is_service)["value"].unique()
    found = {text: name for text in texts if (name := _service_name(text, services))}
    named = pl.col("value").replace(found) if found else pl.col("value")
    return pl.when(is_service).then(named).otherwise("value").alias("value")


def _service_name(text: str, services: Mapping[str, str]) -> str:
    address, _, port = text.rpartition(":")
    name = services.get(address.strip("[]"))
    return f"{name}:{port}" if name else ""
