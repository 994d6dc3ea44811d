"""How complete the edges of a workload are."""

from __future__ import annotations

from typing import Any

import polars as pl
import pytest

from matrix.completeness import COMPLETENESS, DAY, completeness, unopened
from matrix.derive import edges
from matrix.facts import Facts
from pipeline.stage.edge_facts import ATTRIBUTES
from tests.support.edges import edge_facts, fact, on_days, shown

WEB, API = "Deployment/shop/web", "Deployment/shop/api"
OPEN = {"flows": 1, "syn": 1, "syn_ack": 1, "reply_flows": 1}
OLD = {"flows": 5, "packets": 9, "reply_flows": 5, "evidence": "well_known"}
SAID = {**dict.fromkeys(ATTRIBUTES.labels, pl.String()), "port": pl.Int32(), "flows": pl.Int64()}


def found(*facts: dict[str, Any]) -> pl.DataFrame:
    return edges(Facts(edge_facts(*facts), pl.DataFrame(schema=SAID), 0))


@pytest.mark.parametrize(
    ("after", "readiness"),
    [
        (0.9 * DAY, "learning"),
        (1.0 * DAY, "stabilising"),
        (2.9 * DAY, "stabilising"),
        (3.0 * DAY, "stable"),
    ],
)
def test_readiness_is_the_time_without_anything_new(after: float, readiness: str) -> None:
    """The newest edge counts, however long the first one is known."""
    known = found(
        fact(WEB, API, 80, **OPEN, first_seen=0.0),
        fact(WEB, API, 81, **OPEN, first_seen=9 * DAY, last_seen=9.5 * DAY),
    )
    rows = completeness(known, 9 * DAY + after)
    assert rows.schema == COMPLETENESS
    assert rows["readiness"].to_list() == [readiness] * 2
    assert rows.select("direction", "workload", "edges", "last_new").rows() == [
        ("ingress", "api", 2, 9 * DAY),
        ("egress", "web", 2, 9 * DAY),
    ]


def test_the_period_can_be_chosen() -> None:
    known = found(fact(WEB, API, 80, **OPEN, first_seen=0.0))
    assert completeness(known, 60.0, 60.0)["readiness"].to_list() == ["stable"] * 2


def test_attempts_are_nothing_new() -> None:
    """A scan does not keep a workload from being stable; it has no row of its own."""
    scans = [fact("198.51.100.7", API, port, flows=1, syn=1, first_seen=8 * DAY) for port in (1, 2)]
    known = found(fact(WEB, API, 80, **OPEN, first_seen=0.0), *scans)
    rows = completeness(known, 9 * DAY)
    assert rows["readiness"].to_list() == ["stable"] * 2
    assert rows["edges"].to_list() == [1, 1]


def test_what_was_covered() -> None:
    """Dates and days of the week, sampling, and edges that are uncertain."""
    known = found(
        fact(WEB, API, 80, **OPEN, sampling_max=50, **on_days(1, 2, 8)),
        fact(WEB, API, 7777, evidence="range", flows=1, first_seen=DAY, last_seen=DAY),
    )
    rows = completeness(known, 9 * DAY)
    names = ["days", "weekdays", "sampling", "uncertain", "first_seen", "last_seen"]
    assert rows.select(names).unique().rows() == [(3, 2, 50, 1, DAY, 8 * DAY)]


def test_connections_that_were_never_seen_opening() -> None:
    """They are older than what was seen; UDP never opens, and a SYN later is enough."""
    known = found(
        fact(WEB, API, 443, **OLD),
        fact(WEB, API, 80, **OLD),
        fact(WEB, API, 80, **OPEN, first_seen=150.0),
        fact(WEB, API, 53, protocol="UDP", **OLD),
        fact(WEB, API, 22, flows=1, syn=1),
    )
    assert shown(unopened(known)) == [("web", "api", 443)]
    assert completeness(known, 300.0)["unopened"].to_list() == [1, 1]


def test_only_workloads_are_complete() -> None:
    """Neither nodes nor what is outside."""
    known = found(fact("Node//n1", WEB, 80, **OPEN), fact(WEB, "label:partner", 443, **OPEN))
    rows = completeness(known, 300.0).select("workload", "direction", "readiness").rows()
    assert rows == [("web", "egress", "learning"), ("web", "ingress", "learning")]


def test_nothing_is_complete_without_edges() -> None:
    assert completeness(found(), 0.0).schema == COMPLETENESS
    assert completeness(found(), 0.0).is_empty()
