"""Application or infrastructure."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.stage import BuildContext
from pipeline.testing import assert_laws
from stages.flow_layer import FlowLayer, Pair
from tests.stages.flows import Flow, lines, rules, run

CASES = ["k8s-infra-layer", "operator-records"]


@pytest.mark.parametrize("case", CASES)
def test_golden(case: str) -> None:
    [rule] = [r["kubernetes_infra"] for r in rules(case) if r["type"] == "add_kubernetes_infra"]
    layer = FlowLayer(
        name="layer",
        pairs=[Pair(**one) for one in rule["namespaceNameFields"]],
        output=rule["output"],
        infra_prefixes=rule["infra_prefixes"],
        infra_refs=[Pair(**one) for one in rule["infra_refs"]],
    )
    expected = lines(case, "expected.jsonl")
    incoming = [{k: v for k, v in flow.items() if k != "K8S_FlowLayer"} for flow in expected]
    got = run(layer.build(BuildContext()), incoming)
    assert [flow["K8S_FlowLayer"] for flow in got] == [flow["K8S_FlowLayer"] for flow in expected]


@pytest.mark.parametrize(
    ("flow", "layer"),
    [
        ({"SrcK8S_Namespace": "shop"}, "app"),
        ({"SrcK8S_Namespace": "openshift-dns", "DstK8S_Namespace": "shop"}, "app"),
        ({"SrcK8S_Namespace": "openshift-dns", "DstK8S_Namespace": "netobserv"}, "infra"),
        ({"DstK8S_Namespace": "default", "DstK8S_Name": "kubernetes"}, "infra"),
        ({"DstK8S_Namespace": "default", "DstK8S_Name": "openshift"}, "infra"),
        ({"DstK8S_Namespace": "default", "DstK8S_Name": "web"}, "app"),
        ({"DstK8S_Namespace": "default"}, "app"),
        ({"SrcK8S_Namespace": ""}, "infra"),
        ({"SrcK8S_Namespace": 7}, "infra"),
        ({"K8S_FlowLayer": "old"}, "infra"),
        ({}, "infra"),
    ],
)
def test_layer(flow: Flow, layer: str) -> None:
    assert run(FlowLayer(name="layer").build(BuildContext()), [flow])[0]["K8S_FlowLayer"] == layer


def test_nothing_is_done_for_nobody() -> None:
    step = FlowLayer(name="layer").build(BuildContext(needed=frozenset({"SrcAddr"})))
    assert run(step, [{"SrcAddr": "10.0.0.1"}]) == [{"SrcAddr": "10.0.0.1"}]


def test_check_and_reads() -> None:
    found = FlowLayer(name="layer", output="", infra_prefixes=["a", ""])
    assert [p.path for p in found.check(Path())] == [("output",), ("infra_prefixes", 1)]
    assert "DstK8S_Name" in found.reads()


FLOWS = st.lists(
    st.fixed_dictionaries(
        {},
        optional={
            "SrcK8S_Namespace": st.sampled_from(["shop", "openshift-x", "default", "", 1]),
            "SrcK8S_Name": st.sampled_from(["kubernetes", "a"]),
            "DstK8S_Namespace": st.sampled_from(["shop", "netobserv", None]),
            "K8S_FlowLayer": st.sampled_from(["old", 1, None]),
        },
    ),
    min_size=1,
    max_size=10,
)


@given(FLOWS, st.integers(0, 10))
def test_laws(flows: list[dict[str, Any]], cut: int) -> None:
    assert_laws(FlowLayer(name="layer").build(BuildContext()), flows, cut)
