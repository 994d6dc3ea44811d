"""The dates of an edge, from the days of its facts."""

from __future__ import annotations

import polars as pl

from matrix.counting import EDGE, numbered
from matrix.days import listed
from pipeline.stage.days import SPAN
from tests.support.edges import edge_facts, fact, on_days

WEB, API = "Deployment/shop/web", "Deployment/shop/api"


def test_the_days_of_all_facts_of_an_edge_once() -> None:
    """Each by its own last day; facts without a day have no row."""
    facts = edge_facts(
        fact(WEB, API, 80, **on_days(1, 2)),
        fact(WEB, API, 80, evidence="range", **on_days(2, SPAN + 1)),
        fact(WEB, API, 81, **on_days(0)),
        fact(WEB, API, 82),
    )
    rows = numbered(facts, EDGE)
    ports = rows.select(EDGE, "port").unique()
    found = listed(rows).join(ports, on=EDGE).sort("port").select("port", "days").rows()
    assert found == [
        (80, ["1970-01-02", "1970-01-03", "1970-03-06"]),
        (81, ["1970-01-01"]),
    ]
    assert listed(rows.clear()).schema["days"] == pl.List(pl.String)
