"""The predefined metrics against the table of the reference."""

from __future__ import annotations

import re
from pathlib import Path
from typing import NamedTuple

import pytest

from pipeline.flowmetric import checks, predefined
from pipeline.flowmetric.predefined import Labels
from pipeline.flowmetric.resource import FlowMetric

PAGE = Path(__file__).parents[2] / "docs" / "reference" / "flowmetric.md"
SECTION = PAGE.read_text().split("\n## Predefined metrics\n")[1].split("\n## ")[0]
GROUPS = ("node", "namespace", "workload")
EVERYTHING = Labels(zone=True, cluster=True, network=True)
BUCKETS = [".005", ".01", ".02", ".03", ".04", ".05", ".075", ".1", ".25", "1"]


class Row(NamedTuple):
    """A row of the table, its name written out for one of the groups."""

    name: str
    group: str
    type: str
    value: str
    more: str
    default: str


def rows() -> list[Row]:
    found = re.findall(
        r"^\| (\w+_\w+) \| ([a-z]+) \| ([^|]*) \|([^|]*)\| ([^|]*) \|$", SECTION, re.MULTILINE
    )
    made = []
    for name, kind, value, more, default in found:
        groups = GROUPS if name.startswith("g_") else ("node",)
        for group in groups:
            full = re.sub("^g_", f"{group}_", name)
            made.append(Row(full, group, kind, value, more.strip(), default))
    return made


def test_the_names_are_those_of_the_table() -> None:
    assert sorted(row.name for row in rows()) == sorted(predefined.NAMES)
    assert len(set(predefined.NAMES)) == 14 * 3 + 1


def of(name: str, labels: Labels = EVERYTHING) -> FlowMetric:
    (metric,) = predefined.metrics([name], labels)
    return metric


@pytest.mark.parametrize("row", rows(), ids=lambda row: row.name)
def test_a_metric_is_what_its_row_says(row: Row) -> None:
    """Type, value, divider, direction, filters and labels beyond those of the group."""
    spec = of(row.name).spec
    value, _, divider = row.value.partition(" / ")
    assert (spec.type.lower(), spec.value_field or "1") == (row.type, value)
    assert float(spec.divider or 1) == float(divider or 1)
    assert spec.buckets == (BUCKETS if row.type == "histogram" else [])
    direction = re.match(r"(?:direction )?(Egress|Ingress)$", row.more)
    assert spec.direction == (direction[1] if direction else "Any")
    filters, _, more = row.more.partition(";")
    written = {f.field for f in spec.filters}
    filters = filters.replace("Src and DstK8S", "SrcK8S_HostName Presence, DstK8S")
    named = r"[\w>]+(?= (?:Presence|Equal|NotEqual))"
    assert written == set(re.findall(named, filters))
    events = "Events" in more or "its Type" in more
    extra = [label for label in spec.labels if label not in group_labels(row.group)]
    if events:
        assert spec.flatten == ["NetworkEvents"]
        assert [spec.remap[label] for label in extra] == re.findall(r"\b[a-z]+\b", more)[-5:]
    elif "labels of node" in more:
        assert extra == []
    else:
        assert extra == re.findall(r"\w+", more)


def group_labels(group: str) -> list[str]:
    """The labels of a group, as the table has them."""
    found = dict(re.findall(r"^\| (node|namespace|workload) \| (.*) \|$", SECTION, re.MULTILINE))
    written = found[group].replace("those of namespace", found["namespace"])
    written = written.replace("zones", "Src/DstK8S_Zone")
    return [
        one.replace("Src/Dst", end)
        for one in written.split(", ")
        for end in (("Src", "Dst") if "Src/Dst" in one else ("",))
    ]


@pytest.mark.parametrize("group", GROUPS)
def test_the_labels_of_a_group_are_those_of_the_table(group: str) -> None:
    labels = of(f"{group}_flows_total").spec.labels
    assert sorted(labels) == sorted(group_labels(group))


def test_labels_that_not_every_cluster_has() -> None:
    optional = {"K8S_ClusterName", "SrcK8S_Zone", "DstK8S_Zone"}
    networks = {"SrcK8S_NetworkName", "DstK8S_NetworkName"}
    every = of("workload_flows_total").spec.labels
    plain = of("workload_flows_total", Labels()).spec.labels
    assert set(every) - set(plain) == optional | networks
    assert set(of("workload_flows_total", Labels(zone=True)).spec.labels) - set(plain) == {
        "SrcK8S_Zone",
        "DstK8S_Zone",
    }


def test_the_defaults_are_those_of_the_table() -> None:
    for letter, names in (("L", predefined.WITH_LOKI), ("N", predefined.WITHOUT_LOKI)):
        expected = {
            row.name
            for row in rows()
            for group, letters in re.findall(r"(\w+) ([LN]+)\b", row.default) or [("", row.default)]
            if letter in letters and group in ("", row.group)
        }
        assert set(names) == expected


def test_each_is_a_flowmetric_without_a_fault() -> None:
    for metric in predefined.metrics(predefined.NAMES, EVERYTHING):
        found = [problem.message for problem in checks.check(metric.spec)]
        assert not [message for message in found if "cardinality" not in message], metric.name


def test_records_of_conntrack() -> None:
    (metric,) = predefined.metrics(["node_flows_total"], record_type="endConnection")
    (condition,) = metric.metric().filters
    assert (condition.field, condition.value, condition.type) == (
        *("_RecordType", "endConnection"),
        "equal",
    )


@pytest.mark.parametrize(
    ("name", "feature"),
    [
        ("node_drop_bytes_total", "PacketDrop"),
        ("workload_rtt_seconds", "FlowRTT"),
        ("namespace_dns_flows_total", "DNSTracking"),
        ("node_network_policy_events_total", "NetworkEvents"),
        ("node_ipsec_flows_total", "IPSec"),
        ("workload_tls_flows_total", "TLSTracking"),
        ("node_to_node_ingress_flows_total", None),
    ],
)
def test_features(name: str, feature: str | None) -> None:
    assert predefined.feature_of(name) == feature
