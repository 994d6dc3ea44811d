"""The charts of predefined metrics (docs/reference/flowmetric.md#charts)."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from typing import NamedTuple

import msgspec

from pipeline.flowmetric.resource import FlowMetric
from pipeline.flowmetric.spec import Chart, ChartType, Query, Unit

_BPS, _PPS = Unit.BYTES_PER_SECOND, Unit.PACKETS_PER_SECOND
_SHOWN = {_BPS: " (Bps)", _PPS: " (pps)", Unit.SECONDS: " (ms)", Unit.NONE: ""}


class _View(NamedTuple):
    """The labels by which a graph has its curves, and what a curve is called."""

    labels: str
    legend: str


_VIEWS = {
    "node": _View("SrcK8S_HostName, DstK8S_HostName", "{{SrcK8S_HostName}} -> {{DstK8S_HostName}}"),
    "namespace": _View(
        "SrcK8S_Namespace, DstK8S_Namespace", "{{SrcK8S_Namespace}} -> {{DstK8S_Namespace}}"
    ),
    "workload": _View(
        "SrcK8S_Namespace, SrcK8S_OwnerName, DstK8S_Namespace, DstK8S_OwnerName",
        "{{SrcK8S_Namespace}}/{{SrcK8S_OwnerName}} -> {{DstK8S_Namespace}}/{{DstK8S_OwnerName}}",
    ),
}


class _Graph(NamedTuple):
    """A graph; in its query, WHERE stands for matchers and BY for labels."""

    title: str
    section: str
    query: str
    unit: Unit = Unit.NONE
    type: ChartType = ChartType.STACK_AREA
    legend: str = ""


def with_charts(metrics: Iterable[FlowMetric]) -> list[FlowMetric]:
    """Predefined metrics with their charts; packets have none where bytes have the same."""
    found = list(metrics)
    names = {metric.metric_name for metric in found}
    return [
        replace(metric, spec=msgspec.structs.replace(metric.spec, charts=_charts(metric, names)))
        for metric in found
    ]


def _charts(metric: FlowMetric, names: set[str]) -> list[Chart]:
    group, _, rest = metric.metric_name.partition("_")
    if "_packets_" in metric.metric_name:
        bytes_ = metric.metric_name.replace("_packets_", "_bytes_")
        if {bytes_, bytes_.replace("namespace_", "workload_")} & names:
            return []
    singles, graphs = _of(group, rest)
    return [*singles, *(chart for graph in graphs for chart in _variants(graph, group))]


def _variants(graph: _Graph, group: str) -> Iterator[Chart]:
    """A graph for each view of a group; of workloads also by namespace."""
    for view in ("namespace", "workload") if group == "workload" else (group,):
        for layer in ("",) if view == "node" else ("infra", "app"):
            name = f"{layer} {view}".strip()
            yield Chart(
                title=f"{graph.title} per {name}{_SHOWN[graph.unit]}",
                type=graph.type,
                queries=[Query(_query(graph.query, view, layer), _legend(graph, view))],
                section_name=graph.section.replace("GROUP", view),
                unit=graph.unit,
            )


def _query(query: str, view: str, layer: str) -> str:
    """The query of one view: of a layer, between ends of which one at least has a namespace."""
    by = query.replace("BY", _VIEWS[view].labels)
    if not layer:
        return by.replace(", WHERE", "").replace("WHERE", "")
    known = [f'K8S_FlowLayer="{layer}", {side}K8S_Namespace!=""' for side in ("Src", "Dst")]
    return " or ".join(f"({by.replace('WHERE', matchers)})" for matchers in known)


def _legend(graph: _Graph, view: str) -> str:
    return ", ".join(filter(None, (_VIEWS[view].legend, graph.legend)))


def _single(title: str, query: str, unit: Unit = Unit.NONE, legend: str = "") -> Chart:
    return Chart(title, ChartType.SINGLE_STAT, [Query(query, legend)], unit=unit)


def _rate(labels: str = "", suffix: str = "", matchers: str = "") -> str:
    where = ", ".join(filter(None, (matchers, "WHERE")))
    by = ", ".join(filter(None, (labels, "BY")))
    return f"sum by ({by}) (rate($METRIC{suffix}{{{where}}}[2m]))"


def _quantiles(title: str, section: str) -> list[_Graph]:
    """Median and 99th percentile, in milliseconds."""
    return [
        _Graph(
            f"Top P{share} {title}",
            section,
            f"histogram_quantile({share / 100}, {_rate('le', '_bucket')}) * 1000 > 0",
            Unit.SECONDS,
            ChartType.LINE,
        )
        for share in (50, 99)
    ]


def _latency(title: str) -> Chart:
    quantile = "histogram_quantile(0.99, sum by (le) (rate($METRIC_bucket[2m]))) > 0"
    return _single(title, quantile, Unit.SECONDS, "p99")


_ERRORS = 'DnsFlagsResponseCode!="NoError"'


def _of(group: str, rest: str) -> tuple[list[Chart], list[_Graph]]:
    """The single values and the graphs of a metric."""
    way, _, value = rest.partition("_")
    if value in ("bytes_total", "packets_total"):
        return _of_traffic(way, _BPS if value == "bytes_total" else _PPS)
    if rest == "rtt_seconds":
        return [_latency("TCP latency")], _quantiles("sRTT", "TCP latencies")
    if rest.startswith("dns_"):
        return _of_dns(rest)
    if rest == "network_policy_events_total":
        return _of_policies()
    encrypted = rest in ("tls_flows_total", "ipsec_flows_total")
    return (_of_encryption(group, rest), []) if encrypted else ([], [])


def _of_traffic(way: str, unit: Unit) -> tuple[list[Chart], list[_Graph]]:
    total = "sum(rate($METRIC[2m]))"
    if way == "drop":
        single = [_single("Drops", total, unit)] if unit is _PPS else []
        return single, [_Graph("Top drops", "Byte and packet drops", _rate(), unit)]
    rates = _Graph(f"Top {way} traffic", "Traffic rates per GROUP", _rate(), unit)
    return [_single(f"Total {way} traffic", total, unit)], [rates]


def _of_dns(rest: str) -> tuple[list[Chart], list[_Graph]]:
    if rest == "dns_latency_seconds":
        return [_latency("DNS latency")], _quantiles("DNS latency", "DNS")
    errors = _rate("DnsFlagsResponseCode", matchers=_ERRORS)
    graph = _Graph("DNS error rate", "DNS", errors, legend="{{DnsFlagsResponseCode}}")
    return [_single("DNS error rate", f"sum(rate($METRIC{{{_ERRORS}}}[2m]))")], [graph]


def _of_policies() -> tuple[list[Chart], list[_Graph]]:
    singles, graphs = [], []
    for name, matcher in (("drop", 'action="drop"'), ("allow", 'action=~"allow.*"')):
        rate = f"sum(rate($METRIC{{{matcher}}}[2m]))"
        singles.append(_single(f"Policy {name} rate", rate))
        graphs.append(
            _Graph(
                f"{name.capitalize()} rate",
                "Network Policy",
                _rate("type, direction", matchers=matcher),
                legend="{{type}}, {{direction}}",
            )
        )
    return singles, graphs


def _of_encryption(group: str, rest: str) -> list[Chart]:
    if rest == "tls_flows_total":
        by_version = _by("TLSVersion", "TLS", "TLS flows by version")
        return [_single("TLS flow rate", "sum(rate($METRIC[2m]))"), by_version]
    share = (
        'sum(rate($METRIC{IPSecStatus="success"}[2m])) '
        "/ sum(rate(netobserv_node_to_node_ingress_flows_total[2m]))"
    )
    single = [_single("Traffic with IPsec", share, Unit.PERCENT)] if group == "node" else []
    return [*single, _by("IPSecStatus", "IPsec", "IPsec flows by status")]


def _by(label: str, section: str, title: str) -> Chart:
    query = Query(f"sum by ({label}) (rate($METRIC[2m]))", f"{{{{{label}}}}}")
    return Chart(title, ChartType.LINE, [query], section_name=section)
