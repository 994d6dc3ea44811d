from __future__ import annotations

from pathlib import Path

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from pipeline.diagnostics import Severity
from pipeline.flows import values
from pipeline.predicate.match import Match, MatchType
from pipeline.stage import BuildContext
from pipeline.testing import Flow, assert_laws, frame, run
from stages.filter import Filter

FLOWS: list[Flow] = [
    {"n": 0, "Proto": 6, "DstPort": 443, "SrcK8S_Namespace": "shop"},
    {"n": 1, "Proto": 17, "DstPort": 53, "SrcK8S_Namespace": "dns"},
    {"n": 2, "Proto": 6, "DstPort": 80},
]


def numbers(stage: Filter) -> list[object]:
    return [flow["n"] for flow in run(stage, FLOWS)]


def test_match_and_query_must_both_pass() -> None:
    tcp = Match(field="Proto", value="6")
    assert numbers(Filter(name="f", match=[tcp])) == [0, 2]
    assert numbers(Filter(name="f", query="DstPort<100")) == [1, 2]
    assert numbers(Filter(name="f", match=[tcp], query="DstPort<100")) == [2]


def test_it_reads_what_it_names() -> None:
    stage = Filter(
        name="f",
        match=[Match(field="Flags", value="SYN"), Match(field="Flags", value="$(A)")],
        query="with(B)",
    )
    assert stage.reads() == {"Flags", "A", "B"}
    split = msgspec.structs.replace(stage, flattened=["Flags"])
    assert split.reads() == {"Flags", "A", "B", values.ORIGIN}
    assert Filter(name="f", query="(").reads() == set()


def test_check() -> None:
    assert [p.message for p in Filter(name="f").check(Path())] == ["there is nothing to filter by"]
    stage = Filter(
        name="f",
        match=[
            Match(field="Proto", value="6"),
            Match(field="DstPrt", value="("),
            Match(field="DstAddr", value="(", type=MatchType.MATCH_REGEX),
        ],
        query="Bytes>",
    )
    found = [(p.path, p.severity, p.hint) for p in stage.check(Path())]
    assert found == [
        (("match", 2, "value"), Severity.ERROR, ""),
        (("query",), Severity.ERROR, ""),
    ]


def test_it_names_the_fields_of_matches_and_of_the_query() -> None:
    stage = Filter(
        name="f", match=[Match(field="Tenant", value="$(Proto)")], query="with(B) and A = 1"
    )
    assert list(stage.named()) == [
        (("match", 0), "Proto"),
        (("match", 0), "Tenant"),
        (("query",), "A"),
        (("query",), "B"),
    ]


def test_a_batch_without_rows_keeps_its_columns() -> None:
    flows = frame(FLOWS).clear()
    kept = Filter(name="f", query='DstPort=1 or A="x"').build(BuildContext())(flows)
    assert kept.schema == flows.schema


CELLS = st.sampled_from([0, 1, 1.5, "1", "", "x", True, [], ["x", 1], {"k": 1}, None])
FIELDS = st.sampled_from(["Proto", "SrcAddr", "A", "B"])
MATCHES = st.builds(
    Match,
    field=FIELDS,
    value=st.sampled_from(["1", "", "x", "$(A)", "a$(B)"]),
    type=st.sampled_from(MatchType),
).filter(lambda match: "REGEX" not in match.type.name or "$" not in match.value)
QUERIES = st.sampled_from(["", 'A="x" or Proto!=1', 'with(B) and B!~"1"', 'A!="$(B)"'])


@given(
    st.lists(st.dictionaries(FIELDS, CELLS), max_size=6),
    st.lists(MATCHES, max_size=3),
    QUERIES,
    st.integers(0, 6),
)
def test_laws(flows: list[dict[str, object]], matches: list[Match], query: str, cut: int) -> None:
    assert_laws(Filter(name="f", match=matches, query=query), flows, cut)
