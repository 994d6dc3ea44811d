"""The documents below /api/v0/, which the server writes and the client reads."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.api import schema
from pipeline.api.failure import Failure
from pipeline.stage import Family, Kind

FAMILY = Family("m", Kind.HISTOGRAM, ("A",), "help", (0.5, 1.0))


@pytest.mark.parametrize(
    "document",
    [
        schema.Progress([schema.PartitionPosition("t", 3, 2**60)]),
        schema.FamilySeries(FAMILY, ["A", ":count"], [("x", 2.0)]),
        schema.Totals(
            [schema.PartitionPosition("t", 0, 7)],
            {"t": 4},
            [schema.FamilySeries(FAMILY, ["A"], [("é\u202e\x1b",)])],
        ),
        schema.Explanation("10.0.0.1", found=True, lines=[("pod", "shop/web")]),
        schema.Inventory([{"kind": "Pod"}], ["no rights on nodes"]),
        Failure("not today"),
    ],
    ids=lambda document: type(document).__name__,
)
def test_both_sides_agree(document: msgspec.Struct) -> None:
    """What the server writes is what the client reads, whatever is in the names."""
    assert msgspec.json.decode(msgspec.json.encode(document), type=type(document)) == document


def test_an_inventory_is_a_list_of_kubernetes() -> None:
    """It can be given to `inventory:` of a pipeline, and to kubectl."""
    written = msgspec.json.decode(msgspec.json.encode(schema.Inventory([], [])))
    assert written == {"apiVersion": "v1", "kind": "List", "items": [], "warnings": []}


def test_an_answer_of_another_shape() -> None:
    with pytest.raises(msgspec.ValidationError, match="partitions"):
        msgspec.json.decode(b'{"partitions": 5}', type=schema.Progress)
