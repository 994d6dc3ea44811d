"""Rules of Prometheus from the health rules of a FlowCollector.

Source: docs/reference/operator.md#health-rules.
"""

from __future__ import annotations

import json
from collections.abc import Iterator
from typing import Any, NamedTuple

from pipeline.config.flowcollector import features, health, promql
from pipeline.config.flowcollector.health import HealthRule, Variant
from pipeline.config.flowcollector.promql import Side
from pipeline.config.flowcollector.spec import FlowCollectorSpec
from pipeline.config.flowcollector.templates import TEMPLATES, TemplateTraits
from pipeline.diagnostics import Problem, warning

HEALTH = "netobserv_io_network_health"
"""The annotation that tells the Network Health page how to show a rule."""
_RECORDED = "netobserv.io/network-health"
_SEVERITIES = ("critical", "warning", "info")
_SIDES: dict[Side, str] = {"Src": "source ", "Dst": "destination ", "": ""}


class Rules(NamedTuple):
    """Rules as a file of Prometheus has them, what recording rules are annotated with, problems."""

    rules: list[dict[str, Any]]
    recorded: dict[str, dict[str, str]]
    problems: list[Problem]


def build(spec: FlowCollectorSpec) -> Rules:
    """The rules of a FlowCollector: its own, the defaults of other templates, and the operator's.

    A rule without the metrics that it needs is left out, with a warning; NetObservLokiError where
    flows do not go to Loki.
    """
    made = Rules([], {}, [])
    metrics = spec.processor.metrics
    for rule in health.effective(metrics.health_rules, metrics.disable_alerts):
        traits = TEMPLATES[rule.template]
        if traits.feature and not features.has(spec, traits.feature):
            continue
        for variant in rule.variants:
            _add(made, rule, variant, traits, features.metrics(spec))
    own = [_NO_FLOWS, _LOKI_ERROR] if spec.loki.enable else [_NO_FLOWS]
    made.rules.extend(_alert(one) for one in own if one.name not in metrics.disable_alerts)
    return made


def resource(rules: Rules, namespace: str) -> dict[str, Any]:
    """The rules as a PrometheusRule, which Network Health shows."""
    metadata: dict[str, Any] = {
        "name": "flowmatrix-health",
        "namespace": namespace,
        "labels": {"app.kubernetes.io/name": "flowmatrix", "netobserv": "true"},
    }
    if rules.recorded:
        metadata["annotations"] = {_RECORDED: json.dumps(rules.recorded)}
    return {
        "apiVersion": "monitoring.coreos.com/v1",
        "kind": "PrometheusRule",
        "metadata": metadata,
        "spec": groups(rules),
    }


def groups(rules: Rules) -> dict[str, Any]:
    """The rules as a file of Prometheus."""
    return {"groups": [{"name": "netobserv-health", "rules": rules.rules}]}


def _add(
    made: Rules, rule: HealthRule, variant: Variant, traits: TemplateTraits, counted: list[str]
) -> None:
    name = rule.template
    if variant.group_by not in traits.groups:
        message = f"{name} cannot be grouped by {variant.group_by or 'nothing'}: it is left out"
        made.problems.append(warning(("processor", "metrics", "healthRules"), message))
        return
    parts = traits.selections(variant, counted)
    if parts is None:
        message = f"{name} by {variant.group_by or 'nothing'} has no metric that it could be about"
        at = ("processor", "metrics", "includeList")
        made.problems.append(warning(at, f"{message}: it is left out"))
        return
    for side in traits.sides if variant.group_by else ("",):
        query = traits.query(*parts, variant, side)
        if (variant.mode or rule.mode) == "Recording":
            recorded = _record(traits, variant, side)
            made.rules.append({"record": recorded, "expr": query, "labels": _labels(name)})
            made.recorded[recorded] = _annotations(traits, name, variant, side)
        else:
            made.rules.extend(_alerts(traits, name, variant, side, query))


def _record(traits: TemplateTraits, variant: Variant, side: Side) -> str:
    about = [part.lower() for part in (variant.group_by, side) if part]
    return ":".join(("netobserv", "health", traits.recorded, *about, "rate2m"))


def _labels(template: str, severity: str = "") -> dict[str, str]:
    own = {"severity": severity} if severity else {}
    return {"template": template, "app": "netobserv", **own, "netobserv": "true"}


def _alerts(
    traits: TemplateTraits, template: str, variant: Variant, side: Side, query: str
) -> Iterator[dict[str, Any]]:
    """An alert for each severity that has a threshold, none of which overlap."""
    below = ""
    for severity in _SEVERITIES:
        threshold = getattr(variant.thresholds, severity)
        if not threshold:
            continue
        about = f"Per{side}{variant.group_by}" if variant.group_by else ""
        yield {
            "alert": f"{template}_{about}{severity.capitalize()}",
            "expr": promql.above(query, threshold, below),
            "for": "5m",
            "labels": _labels(template, severity),
            "annotations": _annotations(traits, template, variant, side, threshold),
        }
        below = threshold


def _annotations(
    traits: TemplateTraits, template: str, variant: Variant, side: Side, threshold: str = ""
) -> dict[str, str]:
    least = threshold or next(
        filter(None, (getattr(variant.thresholds, one) for one in reversed(_SEVERITIES))), "0"
    )
    of = ", ".join(f"{_SIDES[side]}{one} {{{{ $labels.{one} }}}}" for one in traits.labels(variant))
    against = f", compared with {variant.trend_offset} before" if traits.trend else ""
    return {
        "summary": traits.summary,
        "description": f"{traits.summary}: more than {least}%{against}{f' ({of})' if of else ''}.",
        "runbook_url": f"{_RUNBOOKS}/{template}.md",
        HEALTH: json.dumps(_health(traits, variant, side, threshold), separators=(",", ":")),
    }


_RUNBOOKS = (
    "https://github.com/openshift/runbooks/blob/master/alerts/network-observability-operator"
)


def _health(traits: TemplateTraits, variant: Variant, side: Side, threshold: str) -> dict[str, Any]:
    """What Network Health is told (docs/reference/operator.md#health-rules)."""
    given = {one: getattr(variant.thresholds, one) for one in reversed(_SEVERITIES)}
    levels = {severity: value for severity, value in given.items() if value}
    told: dict[str, Any] = {"unit": "%"}
    told |= {"threshold": threshold} if threshold else {"recordingThresholds": levels}
    shown = traits.labels(variant)
    kinds = {"namespace": "namespaceLabels", "workload": "workloadLabels", "kind": "kindLabels"}
    told |= {kinds.get(label, "nodeLabels"): [label] for label in shown}
    if traits.trend:
        most = max((float(value) for value in levels.values()), default=100.0)
        told["upperBound"] = f"{max(5 * most, 100):g}"
    if traits.traffic:
        back = traits.trend
        told["trafficLink"] = {
            "extraFilter": traits.traffic,
            "backAndForth": back,
            "filterDestination": side == "Dst" or not back,
        }
    return told


class _Operational(NamedTuple):
    """An alert about the pipeline itself: it has no thresholds, and Network Health has no part."""

    name: str
    expr: str
    summary: str
    description: str


_NO_FLOWS = _Operational(
    "NetObservNoFlows",
    "sum(rate(netobserv_ingest_flows_processed[1m])) == 0",
    "No flows come in",
    "No flow has come in for 10 minutes: look at the agents.",
)
_LOKI_ERROR = _Operational(
    "NetObservLokiError",
    'sum(rate(netobserv_records_lost{stage="loki"}[2m])) > 0',
    "Loki does not take all flows",
    "For 10 minutes flows have been lost on their way to Loki: /readyz and the log say why.",
)


def _alert(one: _Operational) -> dict[str, Any]:
    return {
        "alert": one.name,
        "expr": one.expr,
        "for": "10m",
        "labels": {"template": one.name, "app": "netobserv", "severity": "warning"},
        "annotations": {
            "summary": one.summary,
            "description": one.description,
            "runbook_url": f"{_RUNBOOKS}/{one.name}.md",
        },
    }
