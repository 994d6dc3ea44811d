"""The edges of the reference scenario are those that the page lists."""

from __future__ import annotations

import polars as pl

from matrix.select import Collapse, collapse, select
from simulate.reference import reference
from tests.docs.markdown import ROOT
from tests.support.edges import edges_of


def named(side: str) -> pl.Expr:
    """Namespace and name of a workload, or the name of nodes."""
    namespace, name = pl.col(f"{side}_namespace"), pl.col(f"{side}_workload")
    full = pl.format("{}/{}", namespace, name)
    return pl.when(namespace != "").then(full).otherwise(name).alias(side)


def test_the_reference_scenario() -> None:
    scenario = reference()
    found = collapse(edges_of(scenario.cluster, scenario.frames), Collapse.NODES)
    rows = select(found, peer="netobserv").select(
        *(named(side) for side in ("client", "server")),
        pl.format("{} {}", "protocol", "port"),
        pl.col("services").list.join(", "),
        "evidence",
    )
    page = (ROOT / "docs" / "edges.md").read_text(encoding="utf-8")
    table = page.split("| client | server | port | through | evidence |\n")[1].split("\n\n")[0]
    listed = [line.strip("|").split("|") for line in table.splitlines()[1:]]
    assert sorted(tuple(cell.strip() for cell in row) for row in listed) == sorted(rows.rows())
