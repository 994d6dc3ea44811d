"""When a metric may go on from the values of another one."""

from __future__ import annotations

import msgspec
import pytest

from pipeline.stage import Family, Kind, bucket

FLOWS = Family("flows", Kind.HISTOGRAM, ("a",), "help", (1.0, 2.0), "digest")


@pytest.mark.parametrize(
    ("change", "continues"),
    [
        ({"help": "better"}, True),
        ({"name": "renamed"}, True),
        ({"kind": Kind.COUNTER}, False),
        ({"labels": ("a", "b")}, False),
        ({"buckets": (1.0,)}, False),
        ({"chain": "other"}, False),
    ],
)
def test_what_may_go_on(change: dict[str, object], *, continues: bool) -> None:
    assert msgspec.structs.replace(FLOWS, **change).continues(FLOWS) is continues


def test_columns_of_buckets_are_no_labels() -> None:
    assert [bucket(index) for index in range(2)] == [":le0", ":le1"]
