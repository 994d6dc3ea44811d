from __future__ import annotations

import typing

import pytest

from pipeline.config.flowcollector.health import Group, Template, Variant
from pipeline.config.flowcollector.templates import TEMPLATES
from pipeline.flowmetric import predefined


def test_every_template_is_there() -> None:
    assert TEMPLATES.keys() == set(typing.get_args(Template))


def test_their_metrics_are_predefined_ones() -> None:
    named = {
        pattern.format(group)
        for traits in TEMPLATES.values()
        for pattern in (*traits.part, *traits.whole)
        for group in ("node", "namespace", "workload")
    }
    assert named <= set(predefined.NAMES)


@pytest.mark.parametrize(
    ("group", "counted", "expected"),
    [
        ("Namespace", ["workload_dns_flows_total"], "netobserv_workload_dns_flows_total"),
        (
            "Namespace",
            ["namespace_dns_latency_seconds", "workload_dns_flows_total"],
            "netobserv_workload_dns_flows_total",
        ),
        (
            "Namespace",
            ["namespace_dns_latency_seconds"],
            "netobserv_namespace_dns_latency_seconds_count",
        ),
        ("Node", ["namespace_dns_flows_total"], None),
        ("", ["node_dns_flows_total"], "netobserv_node_dns_flows_total"),
        ("Workload", ["namespace_dns_flows_total"], None),
    ],
)
def test_the_first_metric_that_is_counted_is_used(
    group: Group, counted: list[str], expected: str | None
) -> None:
    found = TEMPLATES["DNSErrors"].selections(Variant(group_by=group), counted)
    assert found == ((expected, expected) if expected else None)


def test_metrics_of_nodes_do_not_say_what_is_external() -> None:
    assert "Node" not in TEMPLATES["ExternalEgressHighTrend"].groups
