"""The templates of health rules: which metrics each is about, and its query.

Source: docs/reference/operator.md#health-rules.
"""

from __future__ import annotations

from typing import NamedTuple

from pipeline.config.flowcollector import promql
from pipeline.config.flowcollector.health import Group, Variant
from pipeline.config.flowcollector.promql import Selection, Side

_ALL: tuple[Group, ...] = ("", "Node", "Namespace", "Workload")
_METRICS: dict[str, tuple[str, ...]] = {
    "": ("namespace", "workload", "node"),
    "Node": ("node",),
    "Namespace": ("namespace", "workload"),
    "Workload": ("workload",),
}
"""The groups of metrics from which the series of a group can be made."""
_PREFIX = "netobserv_"
_QUANTILE = "0.9"


class TemplateTraits(NamedTuple):
    """A template. `part` and `whole` name metrics, `{}` being a group: the first one counted.

    Without a `part`, `fixed` are the queries, of metrics of others.
    """

    recorded: str
    summary: str
    part: tuple[str, ...] = ()
    whole: tuple[str, ...] = ()
    matchers: str = ""
    feature: str = ""
    trend: bool = False
    quantile: bool = False
    sides: tuple[Side, ...] = ("Src", "Dst")
    groups: tuple[Group, ...] = _ALL
    traffic: str = ""
    fixed: tuple[str, str] = ("", "")
    label: str = ""

    def labels(self, variant: Variant) -> list[str]:
        """The labels by which the series differ."""
        if self.label:
            return [self.label] if variant.group_by else []
        return promql.labels(variant.group_by)

    def selections(self, variant: Variant, counted: list[str]) -> tuple[str, str] | None:
        """The metrics of part and whole; None where one of them is not counted."""
        if not self.part:
            return self.fixed
        part = _first(self.part, variant.group_by, counted)
        whole = _first(self.whole, variant.group_by, counted)
        return (part, whole) if part and whole else None

    def query(self, part: str, whole: str, variant: Variant, side: Side) -> str:
        """What a recording rule records, in percent."""
        if not self.part:
            return self._of_others(variant)
        group = variant.group_by
        if self.trend:
            now, then = (
                self._side(part, variant, side, window, offset)
                for window, offset in (
                    ("2m", ""),
                    (variant.trend_duration, variant.trend_offset),
                )
            )
            return promql.increase(now, then)
        return promql.share(
            promql.rate(Selection(part, self.matchers), group, side),
            promql.rate(Selection(whole), group, side),
            variant.low_volume_threshold,
        )

    def _side(self, metric: str, variant: Variant, side: Side, window: str, offset: str) -> str:
        group = variant.group_by
        if not self.quantile:
            return promql.rate(
                Selection(metric, self.matchers), group, side, window=window, offset=offset
            )
        buckets = promql.rate(
            Selection(metric), group, side, window=window, offset=offset, more="le"
        )
        return f"histogram_quantile({_QUANTILE}, {buckets})"

    def _of_others(self, variant: Variant) -> str:
        by = f" by ({self.label})" if variant.group_by else ""
        part, whole = (query.replace(" BY", by) for query in self.fixed)
        if self.trend:
            then = whole.replace("OFFSET", f" offset {variant.trend_offset}")
            return promql.increase(part.replace("OFFSET", ""), then)
        return promql.share(part, whole, variant.low_volume_threshold)


def _first(patterns: tuple[str, ...], group: Group, counted: list[str]) -> str:
    """The first metric that is counted, with what its series are called; "" if there is none."""
    for pattern in patterns:
        for of in _METRICS[group]:
            name = pattern.format(of)
            if name in counted:
                suffix = {"dns_latency_seconds": "_count", "rtt_seconds": "_bucket"}
                return _PREFIX + name + suffix.get(name.partition("_")[2], "")
    return ""


def _external(way: str, end: str) -> TemplateTraits:
    """Traffic with ends that are outside: metrics of nodes do not say which these are."""
    matchers = f'{end}SubnetLabel=~"|EXT:.*",{end}K8S_Namespace=""'
    bytes_ = (f"{{}}_{way}_bytes_total",)
    return TemplateTraits(
        f"external_{way}",
        f"More external {way} traffic",
        bytes_,
        bytes_,
        matchers,
        trend=True,
        sides=("Src",) if way == "egress" else ("Dst",),
        groups=("", "Namespace", "Workload"),
        traffic=f'{end.lower()}_subnet_label="",EXT:',
    )


_DNS = ("{}_dns_flows_total", "{}_dns_latency_seconds")
_DEVICE = "sum BY (rate(node_network_receive_{0}_total[2m])) + "
_DEVICE += "sum BY (rate(node_network_transmit_{0}_total[2m]))"
_ROUTER = 'label_replace({}, "namespace", "$1", "exported_namespace", "(.*)")'
_RESPONSES = "sum BY (" + _ROUTER + ")"
_SLOW = "avg BY (" + _ROUTER.format(
    "haproxy_server_http_average_response_latency_millisecondsOFFSET"
)
_SLOW += ")"
_HTTP = "rate(haproxy_server_http_responses_total{}[2m])"

TEMPLATES: dict[str, TemplateTraits] = {
    "PacketDropsByKernel": TemplateTraits(
        "packet_drops_kernel",
        "Packets dropped by the kernel",
        ("{}_drop_packets_total",),
        ("{}_ingress_packets_total", "{}_egress_packets_total"),
        feature="PacketDrop",
    ),
    "PacketDropsByDevice": TemplateTraits(
        "packet_drops_device",
        "Packets dropped by a network device",
        sides=("",),
        groups=("", "Node"),
        fixed=(_DEVICE.format("drop"), _DEVICE.format("packets")),
        label="instance",
    ),
    "IPsecErrors": TemplateTraits(
        "ipsec_errors",
        "Errors of IPsec",
        ("node_ipsec_flows_total",),
        ("node_to_node_ingress_flows_total",),
        'IPSecStatus!="success"',
        "IPSec",
        groups=("", "Node"),
    ),
    "NetpolDenied": TemplateTraits(
        "netpol_denied",
        "Traffic denied by network policies",
        ("{}_network_policy_events_total",),
        ("{}_flows_total",),
        'action="drop"',
        "NetworkEvents",
    ),
    "LatencyHighTrend": TemplateTraits(
        "tcp_latency_increase_p90",
        "Higher latency of TCP",
        ("{}_rtt_seconds",),
        ("{}_rtt_seconds",),
        feature="FlowRTT",
        trend=True,
        quantile=True,
    ),
    "DNSErrors": TemplateTraits(
        "dns_errors",
        "Errors of DNS other than NXDomain",
        _DNS,
        _DNS,
        'DnsFlagsResponseCode!~"NoError|NXDomain"',
        "DNSTracking",
        sides=("Dst",),
        traffic='dns_flag_response_code!="NoError,NXDomain"',
    ),
    "DNSNxDomain": TemplateTraits(
        "dns_nxdomain",
        "Names that DNS does not know",
        _DNS,
        _DNS,
        'DnsFlagsResponseCode="NXDomain"',
        "DNSTracking",
        sides=("Dst",),
        traffic='dns_flag_response_code="NXDomain"',
    ),
    "ExternalEgressHighTrend": _external("egress", "Dst"),
    "ExternalIngressHighTrend": _external("ingress", "Src"),
    "Ingress5xxErrors": TemplateTraits(
        "ingress_5xx_errors",
        "HTTP errors 5xx of ingress traffic",
        sides=("",),
        groups=("", "Namespace"),
        fixed=(
            _RESPONSES.format(_HTTP.format('{code="5xx"}')),
            _RESPONSES.format(_HTTP.format("")),
        ),
        label="namespace",
    ),
    "IngressHTTPLatencyTrend": TemplateTraits(
        "ingress_http_latency_increase_avg",
        "Higher HTTP latency of ingress traffic",
        trend=True,
        sides=("",),
        groups=("", "Namespace"),
        fixed=(_SLOW, _SLOW),
        label="namespace",
    ),
}
"""Every template that health rules can be made of."""
