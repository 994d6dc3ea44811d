from __future__ import annotations

from typing import Any

import pytest

from pipeline import config
from pipeline.diagnostics import ConfigError, Diagnostic
from tests.config.flp.given import START, refused, stages, translated


def prom(metrics: str, more: str = "") -> str:
    return f"encode: {{type: prom, prom: {{metrics: [{metrics}]{more}}}}}"


def encoder(parameter: str) -> dict[str, Any]:
    return stages(parameter)[-1]


def test_a_metric_becomes_its_chain() -> None:
    metric = (
        "{name: syn_in, type: counter, help: h, flatten: [Flags], labels: [Flags, DstPort],"
        " filters: [{key: Flags, value: SYN}], remap: {DstPort: port}}"
    )
    assert stages(prom(metric, ", prefix: p_, maxMetrics: 5, expiryTime: 1m30s")) == [
        {"name": "s/syn_in/flatten", "type": "flatten", "follows": "in", "fields": ["Flags"]},
        {
            "name": "s/syn_in/filter",
            "type": "filter",
            "follows": "s/syn_in/flatten",
            "match": [{"field": "Flags", "value": "SYN", "type": "equal"}],
            "flattened": ["Flags"],
        },
        {
            "name": "s/syn_in/remap",
            "type": "remap",
            "follows": "s/syn_in/filter",
            "map": {"DstPort": "port"},
        },
        {
            "name": "s/syn_in",
            "type": "encode_prometheus",
            "follows": "s/syn_in/remap",
            "prefix": "p_",
            "max_series": 5,
            "expiry": 90.0,
            "metrics": [
                {
                    "name": "syn_in",
                    "type": "counter",
                    "help": "h",
                    "labels": ["Flags", "port"],
                }
            ],
        },
    ]


def test_value_scale_and_buckets() -> None:
    metric = "{name: h, type: histogram, valueKey: Bytes, valueScale: 8, buckets: [1, 2.5]}"
    (item,) = encoder(prom(metric))["metrics"]
    assert (item["type"], item["value"], item["divider"]) == ("histogram", "Bytes", 8.0)
    assert item["buckets"] == [1.0, 2.5]


def test_expiry_in_nanoseconds() -> None:
    assert encoder(prom("{name: m, type: gauge}", ", expiryTime: 2000000000"))["expiry"] == 2.0
    assert "expiry" not in encoder(prom("{name: m, type: gauge}"))
    (finding,) = refused(prom("{name: m, type: gauge}", ", expiryTime: 2 days"))
    assert finding[0].startswith('"2 days" is not a duration')


def test_metrics_the_original_leaves_out_are_warned_of() -> None:
    metrics = (
        "{name: a, type: summary}, {name: b, type: conter}, {name: c, type: gauge, labels: ['']},"
        "{name: d, type: gauge, labels: [x], remap: {x: __name__}},"
        "{name: e, type: gauge, labels: [x, y], remap: {x: y}}, {name: f, type: gauge}"
    )
    warnings = [
        'metric "a" is left out: unknown type "summary"',
        'metric "b" is left out: unknown type "conter" did you mean "counter"?',
        'metric "c" is left out: a label has an empty name',
        'metric "d" is left out: "__name__" is not a valid name of a label',
        'metric "e" is left out: label "y" is given twice',
    ]
    assert refused(prom(metrics)) == [(f"warning: {text}", "") for text in warnings]
    translation = translated(f"{START}- {{name: s, {prom(metrics)}}}\n")
    assert [stage["name"] for stage in translation.stages] == ["in", "s/f"]


def test_unknown_filter_types_are_taken_as_equal() -> None:
    metric = "{name: m, type: gauge, filters: [{key: A, value: v, type: Equals}]}"
    assert refused(prom(metric)) == [
        ('warning: unknown filter type "Equals" is taken as equal', 'did you mean "equal"?')
    ]
    translation = translated(f"{START}- {{name: s, {prom(metric)}}}\n")
    assert translation.stages[1]["match"] == [{"field": "A", "value": "v", "type": "equal"}]


def test_a_metric_needs_a_name() -> None:
    assert refused(prom("{type: counter}")) == [("a metric needs a name", "")]


def test_no_metrics_discard_everything() -> None:
    assert stages(prom("")) == [{"name": "s", "type": "discard", "follows": "in"}]


def test_agg_histogram_observes_each_number_of_a_list() -> None:
    """Undivided, whatever its valueScale."""
    metric = "{name: m, type: agg_histogram, valueKey: recent_raw_values, valueScale: 1000}"
    assert stages(prom(metric))[-1]["metrics"] == [
        {"name": "m", "type": "histogram", "value": "recent_raw_values", "each": True}
    ]


def test_a_full_name_belongs_to_one_metric() -> None:
    text = (
        f"{START}- name: s\n  encode:\n    type: prom\n    prom:\n      prefix: p_\n"
        "      metrics:\n      - {name: a-b, type: counter}\n      - {name: a.b, type: gauge}\n"
        "- {name: t, encode: {type: prom, prom: {metrics: [{name: p_a_b, type: counter}]}}}\n"
    ).replace("parameters:", "- {name: t, follows: in}\nparameters:")
    exposed = 'p_a_b is exposed by metric "p_a_b" and by metric "p_a_b" of stage "s/a-b"'
    assert [(str(p.place), p.problem.message) for p in refusals(text)] == [
        ("f:14:16", f"{exposed}, see f:13:16"),
        ("f:15:58", f"{exposed}, see f:13:16"),
    ]


def test_a_histogram_has_the_names_of_its_samples() -> None:
    text = (
        f"{START}- name: s\n  encode:\n    type: prom\n    prom:\n      metrics:\n"
        "      - {name: h_count, type: counter}\n      - {name: h, type: histogram}\n"
    )
    (problem,) = refusals(text)
    assert problem.problem.message == (
        'h_count is exposed by metric "h" and by metric "h_count" of stage "s/h_count", see f:11:16'
    )


def refusals(text: str) -> list[Diagnostic]:
    with pytest.raises(ConfigError) as refused:
        config.loads(text, "f", environ={})
    return refused.value.problems


def test_parts_of_a_chain_point_at_where_they_were_written() -> None:
    metric = (
        "{name: m, type: counter, flatten: [F], valueKey: V,"
        " filters: [{key: F, value: a}, {key: G, value: $(F)}], labels: [A], remap: {A: B}}"
    )
    translation = translated(f"{START}- {{name: s, {prom(metric)}}}\n")
    at = ("parameters", 1, "encode", "prom", "metrics", 0)
    index = {stage["name"]: number for number, stage in enumerate(translation.stages)}
    origins = translation.origins
    assert origins["stages", index["s/m/filter"], "match", 0] == (*at, "filters", 0)
    assert origins["stages", index["s/m/filter-flow"], "match", 0, "field"] == (
        *at,
        "filters",
        1,
        "key",
    )
    assert origins["stages", index["s/m/remap"], "map"] == (*at, "remap")
    assert origins["stages", index["s/m"], "metrics", 0, "value"] == (*at, "valueKey")
