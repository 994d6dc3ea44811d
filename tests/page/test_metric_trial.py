"""A FlowMetric tried on flows, step by step."""

from __future__ import annotations

import polars as pl
import pytest

from page.metric_trial import Step, Trial, trial
from pipeline.flowmetric import loads
from pipeline.flows import values
from pipeline.stage import VALUE

FLOWS = pl.DataFrame(
    {
        "SrcK8S_Namespace": ["a", "a", "b", None, "a"],
        "DstPort": [443, 443, 53, 443, 8443],
        "Bytes": [10, 20, None, 40, 50],
        values.overflow("Bytes"): [None, None, '"many"', None, None],
        "Flags": [["SYN"], ["SYN", "ACK"], ["ACK"], [], ["SYN", "RST"]],
        "FlowDirection": [0, 1, 0, 0, 0],
    },
    schema_overrides={"DstPort": pl.Int32(), "Bytes": pl.Int64(), "FlowDirection": pl.Int8()},
)


def tried(**spec: object) -> Trial:
    whole = {"type": "Counter", **spec}
    text = str({"apiVersion": "flows.netobserv.io/v1alpha1", "kind": "FlowMetric"})[:-1]
    text += f", 'metadata': {{'name': 'm'}}, 'spec': {whole}}}"
    (metric,) = loads(text, "text").resources
    assert metric.ready, metric.problems
    return trial(metric, FLOWS)


def series(found: Trial) -> list[tuple[object, ...]]:
    labels = found.delta.family.labels
    return sorted(found.delta.series.select(*labels, VALUE).iter_rows())


def test_without_conditions_every_flow_is_counted() -> None:
    found = tried(labels=["SrcK8S_Namespace"])
    assert found.steps == []
    assert series(found) == [("", 1.0), ("a", 3.0), ("b", 1.0)]
    assert sorted(found.rows) == [1.0, 1.0, 3.0]
    assert found.delta.family.name == "netobserv_m"


def test_each_condition_says_what_it_filters() -> None:
    """Alternatives of one field are one step; in = out + filtered + rejected everywhere."""
    port = [{"field": "DstPort", "value": "443"}, {"field": "DstPort", "value": "8443"}]
    there = [{"field": "SrcK8S_Namespace", "matchType": "Presence"}]
    found = tried(filters=[*port, *there], direction="Ingress", labels=["DstPort"])
    assert found.steps == [
        Step('DstPort is "443" or DstPort is "8443"', 5, 4, 1),
        Step("SrcK8S_Namespace is there", 4, 3, 1),
        Step('FlowDirection is not "1"', 3, 2, 1),
    ]
    assert series(found) == [("443", 1.0), ("8443", 1.0)]


def test_values_that_are_missing_or_cannot_be_counted() -> None:
    found = tried(valueField="Bytes", labels=["SrcK8S_Namespace"])
    assert found.steps == [
        Step(
            *("ValueConversionError", 5, 4),
            rejected=1,
            example='metric m: Bytes "many" is not a number',
        )
    ]
    assert series(found) == [("", 40.0), ("a", 80.0)]


def test_a_flow_without_the_value_is_filtered() -> None:
    found = tried(valueField="Packets")
    assert found.steps == [Step("has a Packets", 5, 0, 5)]
    assert series(found) == []


def test_parts_of_lists_are_rows() -> None:
    found = tried(flatten=["Flags"], filters=[{"field": "Flags", "value": "SYN"}], labels=["Flags"])
    assert found.steps == [
        Step("a row for each part of Flags", 5, 7),
        Step('Flags is "SYN"', 7, 3, 4),
    ]
    assert series(found) == [("SYN", 3.0)]


def test_labels_under_other_names() -> None:
    found = tried(labels=["SrcK8S_Namespace"], remap={"SrcK8S_Namespace": "from"})
    assert found.steps == [Step("rename SrcK8S_Namespace", 5, 5)]
    assert found.delta.family.labels == ("from",)


@pytest.mark.parametrize("kind", ["Gauge", "Histogram"])
def test_other_types(kind: str) -> None:
    found = tried(type=kind, valueField="DstPort")
    assert found.delta.series.height == 1
    assert found.rows.to_list() == [5.0]


def test_words_of_every_condition() -> None:
    wanted = {
        "NotEqual": 'DstPort is not "x"',
        "Absence": "DstPort is absent",
        "MatchRegex": 'DstPort matches "x"',
        "NotMatchRegex": 'DstPort does not match "x"',
    }
    for kind, words in wanted.items():
        given = {"field": "DstPort", "matchType": kind, "value": "x"}
        assert tried(filters=[given]).steps[0].what == words
