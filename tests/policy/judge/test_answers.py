from __future__ import annotations

import polars as pl

from policy.judge.answers import Said, answer
from policy.judge.tables import Compiled
from policy.networkpolicy import Direction

NUMBER = pl.UInt32
POLICIES = Compiled(
    isolating=pl.DataFrame([(1, 7)], schema={"own": NUMBER, "policy": NUMBER}, orient="row"),
    rules=pl.DataFrame(
        [(7, 0, False, False), (7, 1, False, True)],
        schema={"policy": NUMBER, "rule": NUMBER, "any_peer": pl.Boolean, "any_port": pl.Boolean},
        orient="row",
    ),
    peers=pl.DataFrame([(0, 2), (1, 3)], schema={"rule": NUMBER, "peer": NUMBER}, orient="row"),
    ports=pl.DataFrame(
        [(0, "TCP", 80, 81)],
        schema={"rule": NUMBER, "protocol": pl.String, "first": pl.Int32, "last": pl.Int32},
        orient="row",
    ),
    named=pl.DataFrame(
        schema={"rule": NUMBER, "server": NUMBER, "protocol": pl.String, "port": pl.Int32}
    ),
)
ASKED = [
    (2, 1, "TCP", 81, Said.ALLOWED),
    (2, 1, "TCP", 82, Said.DENIED),
    (2, 1, "UDP", 81, Said.DENIED),
    (3, 1, "SCTP", 9, Said.ALLOWED),
    (4, 1, "TCP", 80, Said.UNDECIDED),
    (2, 1, "ICMP", None, Said.UNDECIDED),
    (1, 2, "TCP", 82, Said.OPEN),
]
"""Client, server, protocol, port; the group 4 is a node."""


def test_answers() -> None:
    questions = pl.DataFrame(
        [(number, *row[:4]) for number, row in enumerate(ASKED)],
        schema={
            "q": NUMBER,
            "client": NUMBER,
            "server": NUMBER,
            "protocol": pl.String,
            "port": pl.Int32,
        },
        orient="row",
    )
    found = answer(questions, Direction.INGRESS, POLICIES, hosts=[4])
    assert found.said.sort("q")["said"].to_list() == [row[4] for row in ASKED]
    assert sorted(found.hits.rows()) == [(0, 0), (3, 1)]
    assert sorted(found.isolating.rows()) == [(number, 7) for number in range(6)]
