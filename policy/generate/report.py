"""What generating said beside the policies: what has no rule, what is wider, what stays open."""

from __future__ import annotations

import textwrap
from collections.abc import Iterable, Iterator
from enum import Enum
from itertools import groupby
from typing import NamedTuple

import msgspec

from pipeline.diagnostics import printable

_WIDTH = 80
_SHOWN = 20
"""Findings of a part that the text lists, but for those that make the exit code 3."""


class Topic(Enum):
    """What a finding is about: its name in JSON, whether it makes the exit code 3, its title."""

    NO_RULE = ("no_rule", True, "Established, but without a rule")
    DENIED = ("denied", True, "Established, and denied by these policies")
    CANNOT_SELECT = ("cannot_be_selected", True, "Workloads that no policy can select")
    HOST_NETWORK = ("host_network", False, "On the host network, where no policy applies")
    OTHER_PROTOCOL = ("other_protocol", False, "Protocols that a NetworkPolicy does not have")
    WIDER = ("wider", False, "Wider than what was seen")
    DECLARED = ("declared", False, "Declared, not observed")
    NOT_ESTABLISHED = ("not_established", False, "Seen, not established: no rule")
    LEFT_OPEN = ("left_open", False, "Left open, there is no rule in this direction")
    DARK = ("dark", False, "Cut off by the default deny")
    NOTE = ("note", False, "Notes")

    def __init__(self, key: str, fails: bool, title: str) -> None:  # noqa: FBT001 - of the table above
        self.key = key
        self.fails = fails
        self.title = title


class Finding(NamedTuple):
    """One thing to know: about which edge, policy or workload, and what."""

    topic: Topic
    namespace: str
    subject: str
    message: str = ""


class Written(NamedTuple):
    """A policy: its subject, how many rules each direction has (None: left open).

    `readiness`: the least of its directions (`matrix.completeness.Readiness`); "" of all pods.
    """

    namespace: str
    name: str
    workload: str
    ingress: int | None
    egress: int | None
    readiness: str = ""


class Report(NamedTuple):
    """All that is said of the policies of some namespaces.

    `window` is the time of the flows (RFC 3339), `labels` the version of the list of subnet labels.
    `established` counts the established edges of the namespaces that a policy decides at one of
    their ends or both, `ruled` those with a rule at each such end.
    """

    namespaces: list[str]
    window: tuple[str, str]
    labels: str
    established: int
    ruled: int
    policies: list[Written]
    findings: list[Finding]

    def and_also(self, findings: Iterable[Finding]) -> Report:
        """The report with further findings."""
        return self._replace(findings=list(unique([*self.findings, *findings])))

    @property
    def is_complete(self) -> bool:
        """Whether every established edge that a policy decides has its rules."""
        return not any(one.topic.fails for one in self.findings)


def text(report: Report) -> str:
    """The report for a terminal of 80 columns; what is not printable shows as U+FFFD."""
    lines = [
        (
            f"{', '.join(report.namespaces)}: {report.ruled} of {report.established} established "
            f"edges have their rule, {_number(len(report.policies), 'policy', 'policies')}"
        ),
        f"seen from {report.window[0]} to {report.window[1]}, subnet labels {report.labels}",
    ]
    body = [wrapped for line in lines for wrapped in _wrapped(line, "", "  ")]
    for one in report.policies:
        body += _wrapped(_counted(one), "  ", "    ")
    ranked = sorted(report.findings, key=lambda one: list(Topic).index(one.topic))
    for topic, found in groupby(ranked, key=lambda one: one.topic):
        body += ["", f"{topic.title}:"]
        listed = list(found)
        shown = listed if topic.fails else listed[:_SHOWN]
        for each in shown:
            message = f": {each.message}" if each.message else ""
            body += _wrapped(f"{each.subject}{message}", "  ", "    ")
        if len(listed) > len(shown):
            body.append(f"  and {len(listed) - len(shown):,} more: --report has all")
    return "\n".join(body) + "\n"


def json(report: Report) -> str:
    """The report as JSON."""
    document = {
        "namespaces": report.namespaces,
        "window": dict(zip(("from", "to"), report.window, strict=True)),
        "labels": report.labels,
        "edges": {"established": report.established, "with_rule": report.ruled},
        "complete": report.is_complete,
        "policies": [one._asdict() for one in report.policies],
        "findings": [one._asdict() | {"topic": one.topic.key} for one in report.findings],
    }
    return msgspec.json.format(msgspec.json.encode(document)).decode() + "\n"


def _counted(one: Written) -> str:
    sides = [
        f"{side} {'open' if count is None else _number(count, 'rule', 'rules')}"
        for side, count in (("ingress", one.ingress), ("egress", one.egress))
    ]
    told = filter(None, [*sides, one.readiness])
    return f"{one.namespace}/{one.name} for {one.workload}: {', '.join(told)}"


def _number(count: int, one: str, many: str) -> str:
    return f"{count} {one if count == 1 else many}"


def _wrapped(line: str, first: str, others: str) -> list[str]:
    return textwrap.wrap(
        printable(line),
        _WIDTH,
        initial_indent=first,
        subsequent_indent=others,
        break_on_hyphens=False,
    )


def unique(findings: Iterable[Finding]) -> Iterator[Finding]:
    """The findings in order of topic, namespace and text, each once."""
    order = list(Topic)
    yield from sorted(set(findings), key=lambda one: (order.index(one.topic), *one[1:]))
