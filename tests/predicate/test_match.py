"""The six match types, alone and over the parts of a flow."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import msgspec
import polars as pl
import pytest
import yaml

from pipeline.flows import values
from pipeline.predicate.match import Match, MatchType, is_flattened, matching, needs_origin
from pipeline.testing import frame

CASE = Path(__file__).parents[1] / "golden" / "prom-filter-matrix"


def matrix() -> list[tuple[str, list[Match], list[str]]]:
    """Filters of the golden case (an unknown type is equal there) and the flows that passed."""
    config = yaml.safe_load((CASE / "config.yaml").read_text())
    found = re.findall(r'netobserv_(f\d+)\{id="(.)"\} 1', (CASE / "expected.prom").read_text())
    metrics = config["parameters"][1]["encode"]["prom"]["metrics"]
    return [
        (
            metric["name"],
            [
                Match(
                    field=item["key"],
                    value=item.get("value", ""),
                    type=MatchType(item.get("type", "equal").replace("unknown_type", "equal")),
                )
                for item in metric["filters"]
            ],
            [flow for name, flow in found if name == metric["name"]],
        )
        for metric in metrics
    ]


@pytest.mark.parametrize(("name", "matches", "expected"), matrix())
def test_passes_what_the_original_passes(
    name: str, matches: list[Match], expected: list[str]
) -> None:
    lines = (CASE / "flows.jsonl").read_text().splitlines()
    flows = [{k: v for k, v in json.loads(line).items() if v is not None} for line in lines]
    assert matching(matches, [])(frame(flows))["id"].to_list() == expected, name


@pytest.mark.parametrize("written", ["not_match_regex", "NotMatchRegex"])
def test_both_spellings(written: str) -> None:
    match = msgspec.convert({"field": "A", "type": written}, Match)
    assert match.type is MatchType.NOT_MATCH_REGEX
    with pytest.raises(msgspec.ValidationError):
        msgspec.convert({"field": "A", "type": "matches"}, Match)


def test_the_fields_it_reads() -> None:
    assert Match(field="A", value="$(B):$(C)").fields == {"A", "B", "C"}
    assert Match(field="A", value="$(B)", type=MatchType.MATCH_REGEX).fields == {"A"}


def test_a_bad_regex_is_a_problem() -> None:
    (problem,) = Match(field="A", value="(?!x)", type=MatchType.MATCH_REGEX).check()
    assert "look-around" in problem.message
    assert not list(Match(field="A", value="(").check())


def test_an_explicit_null_is_present_without_text() -> None:
    flows = frame([{"n": 0, "A": None}, {"n": 1}, {"n": 2, "A": ""}])
    passed = {
        kind.value: matching([Match(field="A", type=kind)], [])(flows)["n"].to_list()
        for kind in MatchType
    }
    assert passed == {
        "equal": [2],
        "not_equal": [0, 1],
        "presence": [0, 2],
        "absence": [1],
        "match_regex": [2],
        "not_match_regex": [0, 1],
    }


def parts(*flows: list[Any]) -> pl.DataFrame:
    """The rows of flattened flows: a dict per part."""
    rows = [part | {"o": origin} for origin, flow in enumerate(flows) for part in flow]
    split = frame(rows)
    return split.rename({"o": values.ORIGIN})


def flags(*names: str) -> list[dict[str, str]]:
    return [{"F": name} for name in names]


def test_the_first_alternative_that_keeps_a_part_decides() -> None:
    split = parts(flags("FIN", "SYN", "SYN"), flags("FIN", "ACK"), flags("ACK"), [{"Proto": 6}])
    syn, fin = Match(field="F", value="SYN"), Match(field="F", value="FIN")
    passed = matching([syn, fin], ["F"])(split)
    assert passed["F"].to_list() == ["SYN", "SYN", "FIN"]
    assert passed[values.ORIGIN].to_list() == [0, 0, 1]
    assert passed.columns == split.columns


def test_without_flattened_the_parts_are_flows() -> None:
    split = parts(flags("FIN", "SYN", "ACK"))
    syn, fin = Match(field="F", value="SYN"), Match(field="F", value="FIN")
    assert matching([syn, fin], [])(split)["F"].to_list() == ["FIN", "SYN"]
    unsplit = split.drop(values.ORIGIN)
    assert matching([syn, fin], ["F"])(unsplit)["F"].to_list() == ["FIN", "SYN"]


def test_alternatives_choose_among_the_parts_that_other_fields_left() -> None:
    split = parts([{"E>Type": "a", "E>Name": "x"}, {"E>Type": "b", "E>Name": "y"}])
    one_of = [Match(field="E>Type", value="a"), Match(field="E>Type", value="b")]
    named = Match(field="E>Name", value="y")
    assert matching([*one_of, named], ["E"])(split)["E>Type"].to_list() == ["b"]


def test_references_resolve_in_the_part_only() -> None:
    split = parts([{"A": "x", "B": "x", "E>K": "x"}, {"A": "", "B": "x", "E>K": "z"}])
    assert matching([Match(field="A", value="$(B)")], ["A", "E"])(split)["A"].to_list() == [""]
    assert matching([Match(field="A", value="$(E>K)")], ["A", "E"])(split)["A"].to_list() == ["x"]
    assert matching([Match(field="B", value="$(A)")], ["A"])(split)["A"].to_list() == ["x"]


def test_what_is_flattened() -> None:
    assert is_flattened("E", ["E"])
    assert is_flattened("E>Type", ["E"])
    assert not is_flattened("Ex", ["E"])
    syn, fin = Match(field="F", value="SYN"), Match(field="F", value="FIN")
    assert needs_origin([syn, fin], ["F"])
    assert not needs_origin([syn], ["F"])
    assert not needs_origin([syn, fin], [])


@pytest.mark.parametrize(("kind", "passing"), [("equal", [0, 1]), ("not_equal", [2, 3])])
def test_addresses_are_equal_in_any_form(kind: str, passing: list[int]) -> None:
    """A FlowMetric's filter on an address."""
    texts = ["fd00::a", "FD00:0:0::A", "fd00::b", "text"]
    flows = frame([{"SrcAddr": text} for text in texts])
    match = Match(field="SrcAddr", value="fd00:0::a", type=MatchType(kind))
    kept = flows.filter(match.expr(flows.schema))
    assert kept["SrcAddr"].to_list() == [texts[place] for place in passing]
