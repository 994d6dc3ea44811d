from __future__ import annotations

from pathlib import Path

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st
from polars.testing import assert_frame_equal

from pipeline.flows import values
from pipeline.stage import BuildContext
from stages.remap import Remap

ODD_A, ODD_B = values.overflow("A"), values.overflow("B")


def run(
    frame: pl.DataFrame, mapping: dict[str, str | list[str]], *, only: bool = False
) -> pl.DataFrame:
    return Remap(name="r", map=mapping, only=only).build(BuildContext())(frame)


FLOWS = pl.DataFrame({"A": [1, 2], "B": ["x", None], "C": [True, False]})


@pytest.mark.parametrize(
    ("mapping", "expected"),
    [
        ({"A": "D"}, {"B": ["x", None], "C": [True, False], "D": [1, 2]}),
        ({"A": "B", "B": "A"}, {"A": ["x", None], "B": [1, 2], "C": [True, False]}),
        ({"A": "B", "B": "C"}, {"B": [1, 2], "C": ["x", None]}),
        ({"A": ["A", "D"]}, FLOWS.to_dict(as_series=False) | {"D": [1, 2]}),
        ({"A": ["B", "C"]}, {"B": [1, 2], "C": [1, 2]}),
        ({"A": "A"}, FLOWS.to_dict(as_series=False)),
        ({"none": "B"}, {"A": [1, 2], "C": [True, False]}),
        ({}, FLOWS.to_dict(as_series=False)),
    ],
)
def test_all_renames_happen_at_once(
    mapping: dict[str, str | list[str]], expected: dict[str, list[object]]
) -> None:
    result = run(FLOWS, mapping)
    assert {name: result[name].to_list() for name in result.columns} == expected


def test_companions_move_along() -> None:
    flows = pl.DataFrame({"A": [1, None], ODD_A: [None, '"many"'], "B": ["x", "y"]})
    assert run(flows, {"A": "B"}).to_dict(as_series=False) == {
        "B": [1, None],
        ODD_B: [None, '"many"'],
    }


def test_the_companion_of_a_target_goes() -> None:
    flows = pl.DataFrame({"A": [1, None], ODD_B: ["[1]", "[2]"]})
    assert run(flows, {"A": "B"}).to_dict(as_series=False) == {"B": [1, None]}


def test_only_the_targets() -> None:
    kept = run(FLOWS, {"A": "D", "B": "B"}, only=True)
    assert kept.to_dict(as_series=False) == {"D": [1, 2], "B": ["x", None]}


def test_hidden_columns_stay() -> None:
    flows = pl.DataFrame({"A": [1], values.ORIGIN: [0]})
    assert run(flows, {"A": "B"}, only=True).to_dict(as_series=False) == {
        values.ORIGIN: [0],
        "B": [1],
    }


@pytest.mark.parametrize("only", [True, False])
def test_flows_without_any_field_left_are_still_flows(*, only: bool) -> None:
    result = run(pl.DataFrame({"B": ["x", "y"]}), {"A": "B"}, only=only)
    assert result.height == result[1:].height + 1 == 2
    assert result["B"].to_list() == [None, None]


def test_no_flow() -> None:
    assert run(FLOWS.clear(), {"A": "D"}).schema == {
        "B": pl.String(),
        "C": pl.Boolean(),
        "D": pl.Int64(),
    }


def test_reads() -> None:
    assert Remap(name="r", map={"A": "B", "C": ["D", "E"]}).reads() == {"A", "C"}


def test_lists() -> None:
    mapping: dict[str, str | list[str]] = {"Flags": ["Flags", "f"], "Udns": "u", "A": "Interfaces"}
    before = frozenset({"Flags", "Udns", "Interfaces", "NetworkEvents"})
    assert Remap(name="r", map=mapping).lists(before) == {"Flags", "f", "u", "NetworkEvents"}
    assert Remap(name="r", map=mapping, only=True).lists(before) == {"Flags", "f", "u"}


def test_what_cannot_be() -> None:
    stage = Remap(name="r", map={"A": "X", "B": ["Y", "X"], "C": "", "D": []})
    assert [(p.path, p.message, p.hint) for p in stage.check(Path())] == [
        (("map", "B"), '"A" and "B" are both renamed to "X"', "give each its own name"),
        (("map", "C"), '"C" is renamed to an empty name', ""),
        (("map", "D"), '"D" is renamed to nothing', "a filter stage removes fields"),
    ]
    (empty,) = Remap(name="r", map={}, only=True).check(Path())
    assert "no field at all" in empty.message
    assert list(Remap(name="r", map={"A": "B", "B": "A"}).check(Path())) == []


_NAMES = st.sampled_from(["A", "B", "C", "D"])


@st.composite
def maps(draw: st.DrawFn) -> dict[str, str | list[str]]:
    targets = draw(st.permutations(["A", "B", "C", "D", "E", "F"]))
    sources = draw(st.lists(_NAMES, unique=True, min_size=1, max_size=3))
    return {source: [targets[2 * i], targets[2 * i + 1]] for i, source in enumerate(sources)}


@st.composite
def frames(draw: st.DrawFn) -> pl.DataFrame:
    height = draw(st.integers(1, 6))
    cells = st.lists(st.none() | st.integers(0, 3), min_size=height, max_size=height)
    names = draw(st.lists(_NAMES, unique=True, min_size=1))
    return pl.DataFrame({name: pl.Series(draw(cells), dtype=pl.Int64) for name in names})


@given(flows=frames(), mapping=maps(), only=st.booleans(), cut=st.integers(0, 6))
def test_laws(
    *, flows: pl.DataFrame, mapping: dict[str, str | list[str]], only: bool, cut: int
) -> None:
    """Splitting a batch changes nothing; each row is renamed for itself, in order."""
    whole = run(flows, mapping, only=only)
    parts = [run(part, mapping, only=only) for part in (flows[:cut], flows[cut:])]
    assert_frame_equal(pl.concat(parts), whole)
    for before, after in zip(flows.to_dicts(), whole.to_dicts(), strict=True):
        renamed = {t: before.get(s) for s, targets in mapping.items() for t in targets}
        kept = {} if only else {k: v for k, v in before.items() if k not in mapping}
        present = {k: v for k, v in (kept | renamed).items() if v is not None}
        assert {k: v for k, v in after.items() if v is not None} == present
