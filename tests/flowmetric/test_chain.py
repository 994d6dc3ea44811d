from __future__ import annotations

from typing import Any

import msgspec
import polars as pl
import pytest

from pipeline.flowmetric.chain import Filter, Metric, Stage, label_name, metric_name, metric_stages
from pipeline.stage import BuildContext, Delta, Encoder, Kind, Transform, registry
from pipeline.stage.metrics import FIRST_SEEN, LAST_SEEN

SYN = Filter(field="Flags", value="SYN")


def kinds(stages: list[Stage]) -> list[str]:
    return [stage["type"] for stage in stages]


def count(metric: Metric, flows: pl.DataFrame) -> Delta:
    """What the chain of a metric counts."""
    types = registry()
    for stage in metric_stages(metric, "flows", "expose", {"prefix": "p_"}):
        spec = msgspec.convert(stage, types[stage["type"]])
        assert list(spec.check(BuildContext().folder)) == []
        if isinstance(spec, Transform):
            flows = spec.build(BuildContext())(flows)
        else:
            assert isinstance(spec, Encoder)
            (delta,) = spec.build(BuildContext())(flows).deltas
    return delta


def series(delta: Delta) -> list[dict[str, Any]]:
    return delta.series.drop(FIRST_SEEN, LAST_SEEN).to_dicts()


def test_the_whole_chain() -> None:
    metric = Metric(
        name="syn",
        help="SYNs",
        filters=(SYN, Filter(field="Proto", type="presence")),
        value="Bytes",
        divider=8.0,
        labels=("SrcK8S_Namespace", "Flags"),
        remap={"SrcK8S_Namespace": "namespace"},
        flatten=("Flags",),
        buckets=(),
    )
    encode = {"prefix": "netobserv_", "expiry": "5m"}
    assert metric_stages(metric, "k8s", "expose", encode, "my-syn") == [
        {
            "name": "expose/my-syn/flatten",
            "type": "flatten",
            "follows": "k8s",
            "fields": ["Flags"],
        },
        {
            "name": "expose/my-syn/filter",
            "type": "filter",
            "follows": "expose/my-syn/flatten",
            "match": [
                {"field": "Flags", "value": "SYN", "type": "equal"},
                {"field": "Proto", "value": "", "type": "presence"},
            ],
            "flattened": ["Flags"],
        },
        {
            "name": "expose/my-syn/remap",
            "type": "remap",
            "follows": "expose/my-syn/filter",
            "map": {"SrcK8S_Namespace": "namespace"},
        },
        {
            "name": "expose/my-syn",
            "type": "encode_prometheus",
            "follows": "expose/my-syn/remap",
            "prefix": "netobserv_",
            "expiry": "5m",
            "metrics": [
                {
                    "name": "syn",
                    "type": "counter",
                    "help": "SYNs",
                    "value": "Bytes",
                    "divider": 8.0,
                    "labels": ["namespace", "Flags"],
                }
            ],
        },
    ]


def test_what_is_empty_is_left_out() -> None:
    (only,) = metric_stages(Metric(name="m"), ["a", "b"], "e", {})
    assert only == {
        "name": "e/m",
        "type": "encode_prometheus",
        "follows": ["a", "b"],
        "metrics": [{"name": "m", "type": "counter"}],
    }
    assert kinds(metric_stages(Metric(name="m", filters=(SYN,)), "a", "e", {})) == [
        "filter",
        "encode_prometheus",
    ]
    assert "flattened" not in metric_stages(Metric(name="m", filters=(SYN,)), "a", "e", {})[0]


def test_metrics_that_flatten_the_same_share_it() -> None:
    def bare(stage: Stage) -> Stage:
        return {key: value for key, value in stage.items() if key != "name"}

    one = metric_stages(Metric(name="a", flatten=("Flags",), labels=("Flags",)), "k8s", "e", {})
    two = metric_stages(
        Metric(name="b", flatten=("Flags", "Flags"), filters=(SYN,)), "k8s", "f", {}
    )
    assert bare(one[0]) == bare(two[0])


@pytest.mark.parametrize(
    ("name", "expected"),
    [("work-load.syn", "work_load_syn"), ("9lives", "_lives"), ("a:b", "a:b"), ("é", "_")],
)
def test_metric_names_of_classic_scrapers(name: str, expected: str) -> None:
    assert metric_name(name) == expected


def test_a_digit_may_follow_the_prefix() -> None:
    def exposed(prefix: str) -> str:
        (stage,) = metric_stages(Metric(name="9lives"), "a", "e", {"prefix": prefix})
        return str(prefix + stage["metrics"][0]["name"])

    assert exposed("netobserv_") == "netobserv_9lives"
    assert exposed("") == "_lives"


@pytest.mark.parametrize(
    ("name", "expected"),
    [("NetworkEvents>Type", "NetworkEvents_Type"), ("A B", "A_B"), ("a:b", "a_b"), ("1a", "_a")],
)
def test_label_names_of_classic_scrapers(name: str, expected: str) -> None:
    assert label_name(name) == expected


def test_odd_label_names_are_renamed() -> None:
    metric = Metric(name="m", labels=("A B", "C"), remap={"C": ""})
    remap, encode = metric_stages(metric, "a", "e", {})
    assert remap["map"] == {"A B": "A_B"}
    assert encode["metrics"][0]["labels"] == ["A_B", "C"]


def test_labels_that_swap_names() -> None:
    flows = pl.DataFrame({"A": ["x", "y"], "B": ["1", None]})
    metric = Metric(name="m", labels=("A", "B"), remap={"A": "B", "B": "A"})
    assert series(count(metric, flows)) == [
        {"B": "x", "A": "1", ":value": 1.0},
        {"B": "y", "A": "", ":value": 1.0},
    ]


def test_a_label_named_like_the_value() -> None:
    flows = pl.DataFrame({"Zone": ["x", "x"], "Bytes": [3, 4]})
    metric = Metric(name="m", labels=("Zone",), remap={"Zone": "Bytes"}, value="Bytes")
    assert series(count(metric, flows)) == [{"Bytes": "x", ":value": 7.0}]


def test_a_renamed_label_that_is_also_the_value() -> None:
    flows = pl.DataFrame({"Bytes": [3, 3]})
    metric = Metric(name="m", labels=("Bytes",), remap={"Bytes": "size"}, value="Bytes")
    assert series(count(metric, flows)) == [{"size": "3", ":value": 6.0}]


def test_a_value_whose_name_another_label_takes() -> None:
    flows = pl.DataFrame({"Zone": ["x"], "Bytes": [3]})
    metric = Metric(
        name="m",
        labels=("Zone", "Bytes"),
        remap={"Zone": "Bytes", "Bytes": "Zone"},
        value="Bytes",
    )
    assert series(count(metric, flows)) == [{"Bytes": "x", "Zone": "3", ":value": 3.0}]


def test_a_label_named_like_a_field_that_is_no_label() -> None:
    flows = pl.DataFrame({"A": [None, "x"], "B": ["old", "old"]})
    metric = Metric(name="m", labels=("A",), remap={"A": "B"})
    assert series(count(metric, flows)) == [{"B": "", ":value": 1.0}, {"B": "x", ":value": 1.0}]


def test_the_value_of_a_flattened_field_is_that_of_the_flow() -> None:
    metric = Metric(name="m", value="Bytes", labels=("Bytes",), flatten=("Bytes",))
    stages = metric_stages(metric, "a", "e", {})
    assert kinds(stages) == ["remap", "flatten", "encode_prometheus"]
    assert stages[0]["map"] == {"Bytes": ["Bytes", "Bytes (value)"]}
    assert stages[2]["metrics"][0]["value"] == "Bytes (value)"


def test_a_filter_that_refers_to_a_whole_list_comes_before_flatten() -> None:
    whole = Filter(field="Shown", value="$(Flags)")
    either = Filter(field="Shown", value="x")
    metric = Metric(name="m", filters=(whole, SYN, either), flatten=("Flags",))
    first, flatten, second, _ = metric_stages(metric, "a", "e", {})
    assert [match["field"] for match in first["match"]] == ["Shown", "Shown"]
    assert flatten["type"] == "flatten"
    assert [match["field"] for match in second["match"]] == ["Flags"]


def test_references_of_regexes_are_none() -> None:
    assert Filter(field="A", value="$(B)x$(C>D)").references() == ["B", "C>D"]
    assert Filter(field="A", value="$(B)", type="match_regex").references() == []


def test_histogram_settings() -> None:
    metric = Metric(name="m", type=Kind.HISTOGRAM, value="Rtt", buckets=(0.1, 1.0))
    (encode,) = metric_stages(metric, "a", "e", {})
    assert encode["metrics"] == [
        {"name": "m", "type": "histogram", "value": "Rtt", "buckets": [0.1, 1.0]}
    ]


def test_the_parts_of_a_flow_are_counted_apart() -> None:
    flows = pl.DataFrame(
        {"Flags": [["SYN", "ACK"], ["SYN_ACK"], None, ["SYN", "FIN"]], "DstPort": [80, 5, 6, 80]}
    )
    every = Metric(name="m", labels=("Flags",), flatten=("Flags",))
    assert {row["Flags"]: row[":value"] for row in series(count(every, flows))} == {
        "SYN": 2,
        "ACK": 1,
        "SYN_ACK": 1,
        "": 1,
        "FIN": 1,
    }
    syn = Metric(
        name="m",
        labels=("DstPort", "Flags"),
        flatten=("Flags",),
        filters=(SYN,),
        remap={"DstPort": "port"},
    )
    assert series(count(syn, flows)) == [{"port": "80", "Flags": "SYN", ":value": 2.0}]


def test_the_first_alternative_that_keeps_a_part_decides() -> None:
    flows = pl.DataFrame({"Flags": [["FIN", "SYN"], ["FIN"]]})
    fin = Filter(field="Flags", value="FIN")
    metric = Metric(name="m", labels=("Flags",), flatten=("Flags",), filters=(SYN, fin))
    assert series(count(metric, flows)) == [
        {"Flags": "SYN", ":value": 1.0},
        {"Flags": "FIN", ":value": 1.0},
    ]


def test_a_reference_to_a_flattened_field_sees_the_whole_list() -> None:
    flows = pl.DataFrame({"Flags": [["SYN", "ACK"], ["SYN"]], "DnsName": ["[SYN ACK]", "SYN"]})
    whole = Filter(field="DnsName", value="$(Flags)")
    metric = Metric(name="m", labels=("Flags",), flatten=("Flags",), filters=(whole,))
    assert [row["Flags"] for row in series(count(metric, flows))] == ["SYN", "ACK"]


def test_a_flattened_number_is_no_label_but_still_a_value() -> None:
    flows = pl.DataFrame({"Bytes": [3, 4]})
    metric = Metric(name="m", value="Bytes", labels=("Bytes",), flatten=("Bytes",))
    assert series(count(metric, flows)) == [{"Bytes": "", ":value": 7.0}]
