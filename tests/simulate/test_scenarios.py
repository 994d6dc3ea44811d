"""The scenarios by name."""

from __future__ import annotations

import polars as pl
import pytest

from simulate.scenario import FLOW, START
from simulate.scenarios import Kind, made
from simulate.synthetic import Shape

SMALL = Shape(pods=40, nodes=4, services=5, workloads=12, namespaces=3, externals=9, fanout=3)


def test_there_are_two() -> None:
    assert list(Kind) == ["reference", "cluster"]


@pytest.mark.parametrize(("name", "shape"), [("reference", None), ("cluster", SMALL)])
def test_flows_end_in_the_window_of_the_scenario(name: str, shape: Shape | None) -> None:
    scenario = made(name, flows=20_000, window=300, start=START + 7, shape=shape)
    flows = pl.concat(scenario.frames)
    assert (scenario.flows, flows.height, flows.schema) == (20_000, 20_000, FLOW)
    start, end = scenario.window
    assert start == START + 7
    assert flows["TimeFlowEndMs"].is_between(start, end).all()


def test_a_cluster_has_100000_flows_unless_said_otherwise() -> None:
    assert made("cluster", shape=SMALL).flows == 100_000
    assert made("cluster", flows=1, shape=SMALL).flows == 1


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("clustr", {}, 'scenario: "clustr" is unknown; did you mean "cluster"'),
        ("zzz", {}, 'scenario: "zzz" is unknown; '),
        ("reference", {"shape": SMALL}, "shape: "),
        ("cluster", {"ipfix_replies": True}, "ipfix_replies: "),
        ("cluster", {"flows": 0}, "flows: "),
    ],
)
def test_the_argument_that_cannot_be_is_named(
    name: str, options: dict[str, object], message: str
) -> None:
    with pytest.raises(ValueError, match=f"^{message}"):
        made(name, **options)  # type: ignore[arg-type]
