from __future__ import annotations

import msgspec
import polars as pl
import pytest

from pipeline.api.client import ask, counters, facts
from pipeline.api.remote import RemoteError
from pipeline.api.schema import FamilySeries, PartitionPosition, Totals
from pipeline.stage import VALUE, Family, Kind, Rule
from pipeline.state.series_rows import TIMES

FLOWS = Family("flows", Kind.COUNTER, ("ns",))
COLUMNS = ["ns", VALUE, *TIMES]


def answer(partitions: list[int], *rows: list[str | float]) -> Totals:
    places = [PartitionPosition("t", number, 10) for number in partitions]
    sizes = Family("sizes", Kind.HISTOGRAM, (), buckets=(1.0,))
    documents = [
        FamilySeries(FLOWS, COLUMNS, [tuple(row) for row in rows]),
        FamilySeries(sizes, [], []),
    ]
    return Totals(places, {"t": 2}, documents)


def test_each_worker_has_its_partitions() -> None:
    found = counters(
        {
            "a": answer([0], ["x", 1.0, 5.0, 6.0, 8.0], ["y", 2.0, 5.0, 5.0, 8.0]),
            "b": answer([1], ["x", 10.0, 4.0, 5.0, 9.0]),
        }
    )
    rows = [["x", "y"], [11.0, 2.0], [4.0, 5.0], [6.0, 5.0], [9.0, 8.0]]
    assert set(found) == {"flows"}
    assert found["flows"].equals(pl.DataFrame(dict(zip(COLUMNS, rows, strict=True))))


def test_a_worker_without_partitions() -> None:
    assert set(counters({"a": Totals([], {}, [FamilySeries(FLOWS, COLUMNS, [])])})) == {"flows"}


def test_what_is_no_whole_is_refused() -> None:
    with pytest.raises(RemoteError, match="a and b both answer for partition 1 of t"):
        counters({"a": answer([0, 1]), "b": answer([1])})
    with pytest.raises(RemoteError, match="nobody answers for partition 0 of t"):
        counters({"b": answer([1])})


def test_an_address_that_is_none() -> None:
    with pytest.raises(RemoteError, match='"localhost:1" is not a URL'):
        ask("localhost:1")
    with pytest.raises(RemoteError, match=r"cannot ask http://127\.0\.0\.1:1/api"):
        ask("http://127.0.0.1:1")


@pytest.mark.parametrize(
    ("columns", "row", "why"),
    [
        (["ns", VALUE], ["x", 1.0], "their columns are ns, :value"),
        (COLUMNS, ["x", "many", 1.0, 1.0, 1.0], ""),
        (COLUMNS, ["x", 1.0], ""),
        (COLUMNS, [{"a": 1}, 1.0, 1.0, 1.0, 1.0], ""),
        (COLUMNS, ["x", [1.0], 1.0, 1.0, 1.0], ""),
    ],
)
def test_an_answer_that_no_worker_gives_is_an_error(
    columns: list[str], row: list[str | float], why: str
) -> None:
    answers = {"a": Totals([], {}, [FamilySeries(FLOWS, columns, [tuple(row)])])}
    with pytest.raises(RemoteError, match=f"the series of flows are not those of a worker: {why}"):
        counters(answers)


EDGES = Family("edges", None, ("ns",), facts=(("n", Rule.SUM), ("least", Rule.MIN)))


def edges(*rows: tuple[str | float | None, ...], family: Family = EDGES) -> Totals:
    return Totals([], {}, [FamilySeries(family, ["ns", "n", "least", *TIMES], [*rows])])


def test_facts_of_several_workers_are_merged_by_their_rules() -> None:
    """As they came over the wire: integers stay exact, null is nothing."""
    answers = {
        "a": edges(("x", 2**53 + 1, None, 5.0, 6.0, 8.0), ("y", 1, None, 5.0, 5.0, 8.0)),
        "b": edges(("x", 2, 7, 4.0, 5.0, 9.0)),
    }
    sent = {k: msgspec.json.decode(msgspec.json.encode(v), type=Totals) for k, v in answers.items()}
    found = facts(sent)["edges"].rows()
    assert found == [("x", 2**53 + 3, 7, 4.0, 6.0, 9.0), ("y", 1, None, 5.0, 5.0, 8.0)]
    assert counters(sent) == {}


def test_workers_of_different_configurations_make_no_whole() -> None:
    other = msgspec.structs.replace(EDGES, facts=(("n", Rule.SUM), ("least", Rule.MAX)))
    with pytest.raises(RemoteError, match="a and b count edges in different ways"):
        facts({"a": edges(), "b": edges(family=other)})
