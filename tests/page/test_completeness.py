"""Whether what was seen is enough, as a document."""

from __future__ import annotations

from typing import Any

import msgspec

from matrix.completeness import DAY
from page.completeness import Asked, CompletenessPage, page
from tests.support.edge_rows import edge, frame
from tests.support.seen import seen

START = 1_761_645_600.0
SEEN = seen(
    frame(
        edge("shop/web", "shop/db", first_seen=START, last_seen=START + 5 * DAY),
        edge("shop/new", "mon/prom", first_seen=START + 4.9 * DAY, last_seen=START + 5 * DAY),
    )
)


def rows(found: CompletenessPage) -> list[Any]:
    return [(row.workload, row.direction, row.readiness) for row in found.rows]


def test_those_that_learn_come_first() -> None:
    found = page(SEEN, Asked())
    assert rows(found) == [
        ("prom", "ingress", "learning"),
        ("new", "egress", "learning"),
        ("db", "ingress", "stable"),
        ("web", "egress", "stable"),
    ]
    assert found.counts == {"learning": 2, "stabilising": 0, "stable": 2}
    assert [str(found.first_seen), str(found.last_seen)] == [
        *("2025-10-28T10:00:00Z", "2025-11-02T10:00:00Z")
    ]
    assert found.rows[0].last_new == "2025-11-02T07:36:00Z"
    assert found.notes == []


def test_of_a_namespace_and_another_period() -> None:
    found = page(SEEN, Asked(namespace="shop", days=12))
    assert rows(found) == [
        ("new", "egress", "learning"),
        ("db", "ingress", "stabilising"),
        ("web", "egress", "stabilising"),
    ]


def test_what_speaks_against_relying_on_it() -> None:
    doubtful = frame(edge("shop/web", "shop/db", attempted=0, accepted=0, sampling=50))
    found = page(seen(doubtful)._replace(beyond=1_234, whole=False), Asked())
    assert found.notes == [
        "1,234 flows are beyond a limit, and in no edge",
        "the agents sample: connections are missed",
        "1 edge was never seen opening: restart the pods of one end to see them open",
        "a member of a group sees a part of the edges",
    ]


def test_nothing_was_seen() -> None:
    found = page(seen(frame()), Asked())
    assert (found.rows, found.first_seen, found.notes) == ([], None, [])
    assert found.counts == {"learning": 0, "stabilising": 0, "stable": 0}


def test_an_answer_is_as_it_is_described() -> None:
    content = msgspec.json.encode(page(SEEN, Asked()))
    assert len(msgspec.json.decode(content, type=CompletenessPage).rows) == 4
