"""The catalogue of fields against the table that FlowMetrics are checked with."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import polars as pl
import pytest

from pipeline.flows.catalogue import CATALOGUE, METRIC_FIELDS, Level, dtype_of, level_of, root

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "flowmetric.md"
KINDS = {"n": "number", "s": "string", "n[]": "number[]", "s[]": "string[]"} | {
    "object[]": "object[]"
}


class Row(NamedTuple):
    """A field as the table of the reference has it."""

    name: str
    kind: str
    level: str
    feature: str


def table() -> list[Row]:
    """The rows of the section "Fields", a name each."""
    section = PAGE.read_text().split("\n## Fields\n")[1]
    rows = re.findall(
        r"^\| (\S.*?) \| (\S+) \| \S+ \| (\w+)[^|]* \|([^|]*)\|$", section, re.MULTILINE
    )
    return [
        Row(name, KINDS[kind], level, next(iter(re.findall(r"\((\w+)\)", content)), ""))
        for names, kind, level, content in rows
        if kind in KINDS
        for written in names.split(", ")
        for name in (
            [written.replace("Src/Dst", end) for end in ("Src", "Dst")]
            if "Src/Dst" in written
            else [written]
        )
    ]


def test_flowmetrics_may_name_the_fields_of_the_table_and_no_other() -> None:
    assert sorted(METRIC_FIELDS) == sorted(row.name for row in table())
    assert len(METRIC_FIELDS) == len(set(METRIC_FIELDS)) > 60


@pytest.mark.parametrize("row", table(), ids=lambda row: row.name)
def test_a_field_has_type_level_and_feature_of_the_table(row: Row) -> None:
    field = CATALOGUE[row.name]
    assert (field.kind, field.level, field.needs) == (row.kind, row.level, row.feature)


def test_fields_that_only_the_agent_has_are_refused_in_flowmetrics() -> None:
    agent_only = {"AgentIP", "Etype", "IPSecRetCode"}
    agent_only |= {"QuicVersion", "QuicSeenLongHdr", "QuicSeenShortHdr"}
    assert set(CATALOGUE) - set(METRIC_FIELDS) == agent_only


@pytest.mark.parametrize(
    ("name", "dtype"),
    [
        ("SrcPort", pl.UInt16()),
        ("Bytes", pl.UInt64()),
        ("Packets", pl.UInt32()),
        ("IPSecRetCode", pl.Int32()),
        ("Flags", pl.UInt16()),
        ("Interfaces", pl.List(pl.String())),
        ("Unheard", None),
        ("NetworkEvents>Type", None),
    ],
)
def test_columns_have_the_width_of_the_wire(name: str, dtype: pl.DataType | None) -> None:
    assert dtype_of(name) == dtype


@pytest.mark.parametrize(
    ("name", "first"),
    [("NetworkEvents>Type", "NetworkEvents"), ("A>B>C", "A"), ("SrcAddr", "SrcAddr"), (">x", "")],
)
def test_the_root_of_a_nested_name_is_before_its_first_arrow(name: str, first: str) -> None:
    assert root(name) == first


@pytest.mark.parametrize(
    ("label", "level"),
    [
        ("NetworkEvents>Name", Level.FINE),
        ("NetworkEvents>Foo", Level.UNKNOWN),
        ("NetworkEvents>Name>x", Level.UNKNOWN),
        ("NetworkEvents", Level.AVOID),
        ("DstPort", Level.CAREFUL),
        ("Unheard", Level.UNKNOWN),
    ],
)
def test_a_part_of_an_event_has_a_level_of_its_own(label: str, level: Level) -> None:
    assert level_of(label) is level


def test_levels_go_from_the_mildest_to_the_worst() -> None:
    assert list(Level) == ["fine", "careful", "unknown", "avoid"]
