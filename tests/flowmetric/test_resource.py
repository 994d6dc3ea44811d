from __future__ import annotations

import json
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline.diagnostics import Severity, dotted
from pipeline.flowmetric import FlowMetric, parse, without_duplicates
from pipeline.flowmetric.chain import Filter, Metric
from pipeline.stage import Kind

CONFIGS = Path(__file__).parents[2] / "configs" / "flowmetrics"


def resource(name: str = "m", namespace: str = "netobserv", **spec: Any) -> FlowMetric:
    return parse(
        {
            "apiVersion": "flows.netobserv.io/v1alpha1",
            "kind": "FlowMetric",
            "metadata": {"name": name, "namespace": namespace},
            "spec": {"type": "Counter", **spec},
        }
    )


def found(metric: FlowMetric) -> list[tuple[str, str, str]]:
    return [(dotted(p.path), p.message, p.hint) for p in metric.problems]


@pytest.mark.parametrize("side", ["in", "out"])
def test_the_blog_pair_is_accepted(side: str) -> None:
    data = yaml.safe_load((CONFIGS / f"workload-syn-{side}.yaml").read_text())
    metric = parse(data)
    assert metric.ready
    fine = [label for label in data["spec"]["labels"] if label not in {"DstPort", "Flags"}]
    assert metric.status() == {
        "prometheusName": f"netobserv_workload_syn_{side}",
        "conditions": [
            {"type": "Ready", "status": "True", "reason": "Ready", "message": ""},
            {
                "type": "CardinalityWarning",
                "status": "False",
                "reason": "careful",
                "message": f"careful: DstPort, Flags; fine: {', '.join(fine)}",
            },
        ],
    }
    assert json.loads(json.dumps(metric.status())) == metric.status()


def test_the_order_of_keys_is_irrelevant() -> None:
    data = yaml.safe_load((CONFIGS / "workload-syn-in.yaml").read_text())
    turned = data | {"spec": dict(reversed(data["spec"].items()))}
    assert parse(turned).metric() == parse(data).metric()


def test_everything_a_metric_takes_from_a_resource() -> None:
    metric = resource(
        type="Histogram",
        metricName="rtt",
        help="Round trip",
        valueField="TimeFlowRttNs",
        divider="1e9",
        buckets=["0.1", "1"],
        labels=["SrcK8S_Zone", "Udns"],
        remap={"SrcK8S_Zone": "zone"},
        flatten=["Udns"],
        direction="Ingress",
        filters=[
            {"field": "TimeFlowRttNs", "matchType": "Presence"},
            {"field": "SrcK8S_Name", "matchType": "NotMatchRegex", "value": "^a"},
        ],
    )
    assert metric.metric() == Metric(
        name="rtt",
        type=Kind.HISTOGRAM,
        help="Round trip",
        filters=(
            Filter(field="TimeFlowRttNs", type="presence"),
            Filter(field="SrcK8S_Name", value="^a", type="not_match_regex"),
            Filter(field="FlowDirection", value="1", type="not_equal"),
        ),
        value="TimeFlowRttNs",
        divider=1e9,
        labels=("SrcK8S_Zone", "Udns"),
        remap={"SrcK8S_Zone": "zone"},
        flatten=("Udns",),
        buckets=(0.1, 1.0),
    )


@pytest.mark.parametrize(
    ("direction", "filters"),
    [
        ("Any", ()),
        ("Ingress", (Filter(field="FlowDirection", value="1", type="not_equal"),)),
        ("Egress", (Filter(field="FlowDirection", value="0", type="not_equal"),)),
    ],
)
def test_direction(direction: str, filters: tuple[Filter, ...]) -> None:
    assert resource(direction=direction).metric().filters == filters


@pytest.mark.parametrize(
    ("written", "type_"),
    [
        ("Equal", "equal"),
        ("NotEqual", "not_equal"),
        ("Presence", "presence"),
        ("Absence", "absence"),
        ("MatchRegex", "match_regex"),
        ("NotMatchRegex", "not_match_regex"),
    ],
)
def test_match_types(written: str, type_: str) -> None:
    condition = {"field": "SrcAddr", "matchType": written, "value": "a"}
    assert resource(filters=[condition]).metric().filters[0].type == type_


@pytest.mark.parametrize(
    ("name", "spec", "expected"),
    [
        ("workload-syn-in", {}, "netobserv_workload_syn_in"),
        ("a-b.c", {}, "netobserv_a_b_c"),
        ("9-lives", {}, "netobserv_9_lives"),
        ("a-b.c", {"metricName": "mine:total"}, "netobserv_mine:total"),
        ("a-b.c", {"metricName": ""}, "netobserv_a_b_c"),
    ],
)
def test_the_name_of_the_metric(name: str, spec: dict[str, str], expected: str) -> None:
    metric = resource(name, **spec)
    assert metric.status()["prometheusName"] == expected
    assert metric.status(prefix="x_")["prometheusName"] == expected.replace("netobserv_", "x_")


def test_status_of_a_refused_resource() -> None:
    metric = resource(labels=["DstPrt", "SrcAddr", "TLSTypes"], divider="x")
    ready, cardinality = metric.status()["conditions"]
    assert (ready["status"], ready["reason"]) == ("False", "Failure")
    assert ready["message"] == (
        'spec.labels[0]: "DstPrt" is not a field of a flow; spec.divider: "x" is not a number'
    )
    assert cardinality == {
        "type": "CardinalityWarning",
        "status": "True",
        "reason": "avoid",
        "message": "avoid: SrcAddr; unknown: DstPrt; careful: TLSTypes",
    }
    with pytest.raises(ValueError, match="FlowMetric netobserv/m is not ready: "):
        metric.metric()


def test_every_deviation_from_the_shape_at_once() -> None:
    metric = resource(
        metricName="1st",
        direction="ingress",
        filters=[{"value": 17}, {"field": "Proto", "value": 17, "matchType": "Equals"}],
        remap={"SrcAddr": "a-b"},
        charts=[{"type": "Lines", "unit": "ms", "queries": [{"promQL": "x", "top": 0}]}],
        valuField="Bytes",
        divider="k",
    )
    paths = [path for path, _, _ in found(metric)]
    assert sorted(paths) == [
        "spec.charts[0]",
        "spec.charts[0].queries[0]",
        "spec.charts[0].queries[0].top",
        "spec.charts[0].type",
        "spec.charts[0].unit",
        "spec.direction",
        "spec.divider",
        "spec.filters[0]",
        "spec.filters[0].value",
        "spec.filters[1].matchType",
        "spec.filters[1].value",
        "spec.metricName",
        "spec.remap.SrcAddr",
        "spec.valuField",
    ]
    assert ("spec.valuField", "unknown field", 'did you mean "valueField"?') in found(metric)
    wrong = ("spec.filters[0].value", "expected text, got int", "put it in quotes")
    assert wrong in found(metric)
    assert ("spec.filters[0]", 'missing field "field"', "") in found(metric)
    enum = ("spec.direction", 'unknown value "ingress"', 'did you mean "Ingress"?')
    assert enum in found(metric)
    assert not metric.ready


@pytest.mark.parametrize("spec", [None, [], "x", {}])
def test_a_spec_that_is_none(spec: object) -> None:
    head = {"apiVersion": "flows.netobserv.io/v1alpha1", "kind": "FlowMetric"}
    metric = parse({**head, "metadata": {"name": "m"}, "spec": spec})
    assert found(metric) == [("spec", 'missing field "type"', "")]
    assert metric.status()["conditions"][0]["status"] == "False"


def test_what_cannot_be_judged_is_not() -> None:
    metric = resource(labels=["SrcAddr", 5], remap={"SrcAddr": "a"})
    assert found(metric) == [("spec.labels[1]", "expected text, got int", "put it in quotes")]


def test_the_rest_is_judged_where_the_type_is_wrong() -> None:
    metric = resource(type="counter", labels=["DstPrt", "SrcAddr"], buckets=["1"])
    assert [path for path, _, _ in found(metric)] == ["spec.type", "spec.labels[0]"]


def test_nulls_are_absent() -> None:
    assert resource(labels=None, filters=[{"field": "SrcMac", "value": None}]).ready


def test_defaults_of_charts() -> None:
    chart = {"title": "t", "type": "Line", "queries": [{"promQL": "$METRIC", "legend": "l"}]}
    (read,) = resource(charts=[chart]).spec.charts
    assert (read.dashboard_name, read.section_name, read.unit, read.queries[0].top) == (
        "Main",
        "",
        "",
        7,
    )
    assert read.queries[0].prom_ql == "$METRIC"


def test_a_metric_name_ends_where_it_ends() -> None:
    assert not resource(metricName="a\n").ready


@pytest.mark.parametrize(
    ("data", "path", "message"),
    [
        ({"apiVersion": None}, "apiVersion", "this FlowMetric has no apiVersion"),
        ({"apiVersion": "v2"}, "apiVersion", 'a FlowMetric of apiVersion "v2" is unknown'),
        ({"metadata": None}, "metadata.name", "this FlowMetric has no name"),
        ({"metadata": {"name": "A_b"}}, "metadata.name", '"A_b" is not a valid name of an object'),
        ({"metadata": {"name": 5}}, "metadata.name", '"5" is not a valid name of an object'),
        (
            {"metadata": {"name": "a", "namespace": "../x"}},
            "metadata.namespace",
            '"../x" is not a valid name of a namespace',
        ),
        (
            {"metadata": {"name": "a" * 254}},
            "metadata.name",
            f'"{"a" * 254}" is not a valid name of an',
        ),
        ({"Spec": {}}, "Spec", 'there is no field "Spec" here'),
    ],
)
def test_the_head_of_an_object(data: dict[str, Any], path: str, message: str) -> None:
    head = {"apiVersion": "flows.netobserv.io/v1alpha1", "metadata": {"name": "m"}}
    metric = parse({**head, "kind": "FlowMetric", "spec": {"type": "Counter"}} | data)
    assert [(p, m[: len(message)]) for p, m, _ in found(metric)] == [(path, message)]


def test_doubles_name_both_and_the_first_stays() -> None:
    first, second, third = without_duplicates(
        [resource("a-b"), resource("a.b"), resource("c", "other", metricName="a_b")]
    )
    assert first.ready
    assert found(second) == [
        (
            "metadata.name",
            'netobserv/a-b and netobserv/a.b both expose the metric "a_b"',
            "give one of them another metricName",
        )
    ]
    assert [path for path, _, _ in found(third)] == ["spec.metricName"]


def test_one_object_twice() -> None:
    _, twin = without_duplicates([resource("a"), resource("a", metricName="b")])
    assert found(twin) == [("metadata.name", "netobserv/a is defined twice", "")]
    assert all(
        r.ready for r in without_duplicates([resource("a"), resource("a", "x", metricName="b")])
    )


_ANY = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5) | st.sampled_from(["Flags"]),
    lambda inner: (
        st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3)
    ),
    max_leaves=5,
)
_KEYS = ["type", "labels", "flatten", "remap", "filters", "buckets", "divider", "valueField"]
_parse: Callable[[dict[str, Any]], FlowMetric] = parse


@given(st.dictionaries(st.sampled_from(_KEYS), _ANY), _ANY)
def test_nothing_crashes(spec: dict[str, Any], metadata: object) -> None:
    metric = _parse({"kind": "FlowMetric", "metadata": metadata, "spec": spec})
    assert json.dumps(metric.status())


NEWER: dict[str, Any] = {
    "sampledOnly": True,
    "filters": [{"field": "Proto", "value": "6", "caseSensitive": False}],
    "charts": [
        {
            "title": "t",
            "unit": "flows/s",
            "type": "Heatmap",
            "stacked": True,
            "queries": [{"promQL": "$METRIC", "legend": "x", "top": 0, "step": "1m"}],
        }
    ],
}


def admitted(**spec: Any) -> FlowMetric:
    head = {"apiVersion": "flows.netobserv.io/v1alpha1", "kind": "FlowMetric", "extra": 1}
    metadata = {"name": "m", "namespace": "netobserv", "newer": {}}
    data = {**head, "metadata": metadata, "spec": {"type": "Counter", **spec}}
    return parse(data, admitted=True)


def test_what_a_newer_definition_has_does_not_keep_a_metric_from_counting() -> None:
    """An API server has checked the object; charts and unknown fields play no part in counting."""
    metric = admitted(**NEWER)
    assert metric.ready
    assert metric.metric().filters == (Filter(field="Proto", value="6", type="equal"),)
    ignored = {
        "extra",
        "spec.sampledOnly",
        "spec.filters[0].caseSensitive",
        "spec.charts[0].unit",
        "spec.charts[0].type",
        "spec.charts[0].stacked",
        "spec.charts[0].queries[0].top",
        "spec.charts[0].queries[0].step",
    }
    assert {dotted(p.path) for p in metric.problems if "ignored" in p.message} == ignored
    assert {p.severity for p in metric.problems} == {Severity.WARNING}
    ready = metric.status()["conditions"][0]
    assert (ready["status"], ready["reason"]) == ("True", "Ready")
    assert all(path in ready["message"] for path in ignored)


@pytest.mark.parametrize(
    ("spec", "path"),
    [
        ({"type": "Summary"}, "spec.type"),
        ({"direction": "Both"}, "spec.direction"),
        ({"filters": [{"field": "Proto", "matchType": "InRange"}]}, "spec.filters[0].matchType"),
        ({"labels": [7]}, "spec.labels[0]"),
        ({"labels": ["Proto"], "remap": {"Proto": "a-b"}}, "spec.remap.Proto"),
        ({"remap": {"Proto": "p"}}, "spec.remap.Proto"),
        ({"buckets": ["x"], "type": "Histogram", "valueField": "Bytes"}, "spec.buckets[0]"),
        ({"filters": [{"value": "6", "name": "Proto"}]}, "spec.filters[0]"),
    ],
)
def test_what_matters_to_counting_is_refused_from_an_api_server_too(
    spec: dict[str, Any], path: str
) -> None:
    metric = admitted(**NEWER | spec)
    assert not metric.ready
    errors = {dotted(p.path) for p in metric.problems if p.severity is Severity.ERROR}
    assert errors == {path}
    assert metric.status()["conditions"][0]["status"] == "False"


def test_in_a_file_an_unknown_field_is_an_error() -> None:
    """There it is a typing error."""
    metric = resource(**NEWER)
    assert not metric.ready
    assert "spec.sampledOnly: unknown field" in metric.status()["conditions"][0]["message"]
