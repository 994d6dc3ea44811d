"""The direction of a flow as its reporter sees it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import BuildContext
from pipeline.testing import assert_laws
from stages.direction import Direction
from tests.stages.flows import Flow, lines, rules, run

CASE = "network-reinterpret-direction"


def test_golden() -> None:
    [rule] = rules(CASE)
    info = rule["directionInfo"]
    stage = Direction(
        name="direction",
        reporter=info["reporterIPField"],
        source_host=info["srcHostField"],
        destination_host=info["dstHostField"],
        output=info["flowDirectionField"],
    )
    assert run(stage.build(BuildContext()), lines(CASE, "flows.jsonl")) == lines(
        CASE, "expected.jsonl"
    )


def test_golden_operator_records() -> None:
    expected = lines("operator-records", "expected.jsonl")
    incoming = [{k: v for k, v in flow.items() if k != "FlowDirection"} for flow in expected]
    assert run(Direction(name="direction").build(BuildContext()), incoming) == expected


def test_the_old_direction_can_be_kept() -> None:
    flows: list[Flow] = [
        {"AgentIP": "h1", "SrcK8S_HostIP": "h1", "FlowDirection": 0},
        {"AgentIP": "h1", "DstK8S_HostIP": "h1", "FlowDirection": "odd", "IfDir": 5},
        {"AgentIP": "h9", "DstK8S_HostIP": "h1", "FlowDirection": 1},
        {"AgentIP": "h1", "DstK8S_HostIP": "h1", "IfDir": 5},
    ]
    stage = Direction(name="direction", interface_direction="IfDir")
    got = run(stage.build(BuildContext()), flows)
    assert [flow["FlowDirection"] for flow in got] == [1, 0, 1, 0]
    assert [flow["IfDir"] for flow in got] == [0, "odd", 1, 5]


def test_the_reporter_is_its_host_in_any_form() -> None:
    """JSON flows and API servers may write addresses expanded, in upper case, or IPv4-mapped."""
    flows: list[Flow] = [
        {"AgentIP": "FD00:1::1", "SrcK8S_HostIP": "fd00:1:0:0:0:0:0:1"},
        {"AgentIP": "::ffff:10.0.0.1", "DstK8S_HostIP": "10.0.0.1"},
        {"AgentIP": "fd00:1::9", "SrcK8S_HostIP": "FD00:1::2", "DstK8S_HostIP": "fd00:1:0::2"},
    ]
    got = run(Direction(name="direction").build(BuildContext()), flows)
    assert [flow["FlowDirection"] for flow in got] == [1, 0, 2]
    assert [flow["AgentIP"] for flow in got] == [flow["AgentIP"] for flow in flows]


def test_nothing_is_done_for_nobody() -> None:
    step = Direction(name="direction").build(BuildContext(needed=frozenset({"AgentIP"})))
    assert run(step, [{"AgentIP": "h1", "SrcK8S_HostIP": "h1"}]) == [
        {"AgentIP": "h1", "SrcK8S_HostIP": "h1"}
    ]


def test_check_and_reads() -> None:
    stage = Direction(name="direction", reporter="", output="")
    assert [p.path for p in stage.check(Path())] == [("reporter",), ("output",)]
    reads = Direction(name="d").reads()
    assert reads == {"AgentIP", "SrcK8S_HostIP", "DstK8S_HostIP"}
    assert Direction(name="d", interface_direction="x").reads() == reads | {"FlowDirection"}


HOSTS = st.sampled_from(["h1", "h2", "", 7, None])
FLOWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "AgentIP": HOSTS,
            "SrcK8S_HostIP": HOSTS,
            "DstK8S_HostIP": HOSTS,
            "FlowDirection": st.sampled_from([0, 1, 0.5, "x", None]),
        },
    ),
    min_size=1,
    max_size=10,
)


@given(FLOWS, st.integers(0, 10), st.sampled_from(["", "IfDir"]))
def test_laws(flows: list[dict[str, Any]], cut: int, kept: str) -> None:
    step = Direction(name="direction", interface_direction=kept).build(BuildContext())
    assert_laws(step, flows, cut)
