"""From pairs of endpoints to edges."""

from __future__ import annotations

from itertools import product

import polars as pl
import pytest

from policy.judge.answers import Answers, Said
from policy.judge.ends import Place
from policy.judge.tables import Tables
from policy.judge.verdicts import Pairs, by_edge
from policy.networkpolicy import Direction
from tests.support.policies import policy

NUMBER = pl.UInt32
POLICY = policy("shop/p", "ingress: [{}]")
SAID = list(product(Said, Said))


def verdict(*pairs: tuple[Said, Said]) -> dict[str, object]:
    """Of one edge with a pair of endpoints for each (egress, ingress)."""
    numbers = list(range(len(pairs)))
    found = Pairs(
        pl.DataFrame({"edge": [0], "protocol": ["TCP"]}, schema_overrides={"edge": NUMBER}),
        pl.DataFrame(
            [(0, number, number, number, False) for number in numbers],
            schema={
                **dict.fromkeys(("edge", "q", "client_place", "server_place"), NUMBER),
                "is_self": pl.Boolean,
            },
            orient="row",
        ),
        pl.DataFrame(schema={"edge": NUMBER, "why": pl.String}),
        [Place(0, None, f"pod-{number}", 2) for number in numbers],
    )
    empty = pl.DataFrame(schema={"q": NUMBER, "rule": NUMBER})
    answers = {
        direction: Answers(
            pl.DataFrame(
                [(number, pair[at]) for number, pair in enumerate(pairs)],
                schema={"q": NUMBER, "said": pl.Int8},
                orient="row",
            ),
            empty,
            pl.DataFrame(
                [(number, 0) for number in numbers],
                schema={"q": NUMBER, "policy": NUMBER},
                orient="row",
            ),
        )
        for at, direction in enumerate((Direction.EGRESS, Direction.INGRESS))
    }
    verdicts, _ = by_edge(found, answers, Tables({}, [POLICY], []))
    return verdicts.row(0, named=True)


@pytest.mark.parametrize(("egress", "ingress"), SAID)
def test_an_edge_is_as_the_worse_of_its_ends(egress: Said, ingress: Said) -> None:
    found = verdict((egress, ingress))
    assert (found["egress"], found["ingress"]) == (egress.name.lower(), ingress.name.lower())
    worse = max(egress, ingress, Said.ALLOWED)
    assert found["verdict"] == worse.name.lower()


@pytest.mark.parametrize(("one", "other"), SAID)
def test_pairs_that_are_denied_beside_others_that_are_not(one: Said, other: Said) -> None:
    found = verdict((Said.OPEN, one), (Said.OPEN, other))
    if max(one, other) < Said.DENIED or one == other:
        assert found["ingress"] == max(one, other).name.lower()
        return
    assert (found["verdict"], found["egress"], found["ingress"]) == ("differs", "open", "differs")
    denied = 0 if one is Said.DENIED else 1
    assert found["why"] == f"4 of 8 pairs are denied, for example pod-{denied} to pod-{denied}"


def test_policies_are_named_where_nothing_lets_an_end_through() -> None:
    assert verdict((Said.DENIED, Said.ALLOWED))["isolated_by"] == ["shop/p egress"]
    assert verdict((Said.UNDECIDED, Said.DENIED))["isolated_by"] == [
        "shop/p egress",
        "shop/p ingress",
    ]
    assert verdict((Said.ALLOWED, Said.OPEN))["isolated_by"] == []
