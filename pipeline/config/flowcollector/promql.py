"""Queries of health rules (docs/reference/operator.md#health-rules)."""

from __future__ import annotations

from typing import NamedTuple

from pipeline.config.flowcollector.health import Group

Side = str
"""Src, Dst, or "" where a rule is not about an end."""

_LABELS: dict[str, tuple[tuple[str, str], ...]] = {
    "": (),
    "Node": (("node", "K8S_HostName"),),
    "Namespace": (("namespace", "K8S_Namespace"),),
    "Workload": (
        ("namespace", "K8S_Namespace"),
        ("workload", "K8S_OwnerName"),
        ("kind", "K8S_OwnerType"),
    ),
}
"""The labels of a group's series, and the fields of an end that they come from."""


class Selection(NamedTuple):
    """Series of a metric: its name, and matchers beside those of the group."""

    metric: str
    matchers: str = ""


def labels(group: Group) -> list[str]:
    """The labels by which the series of a group differ."""
    return [name for name, _ in _LABELS[group]]


def rate(
    of: Selection,
    group: Group,
    side: Side,
    *,
    window: str = "2m",
    offset: str = "",
    more: str = "",
) -> str:
    """The rate of series, summed up for a group, of those that have its labels."""
    known = [f'{side}{field}!=""' for _, field in _LABELS[group]]
    where = ",".join([*known, *filter(None, [of.matchers])])
    selected = f"{of.metric}{{{where}}}" if where else of.metric
    series = f"rate({selected}[{window}]{f' offset {offset}' if offset else ''})"
    for name, field in _LABELS[group]:
        series = f'label_replace({series}, "{name}", "$1", "{side}{field}", "(.*)")'
    by = [*labels(group), *filter(None, [more])]
    return f"sum by ({', '.join(by)}) ({series})" if by else f"sum({series})"


def share(part: str, whole: str, low_volume: str = "") -> str:
    """The percentage of a part; nothing where the whole is less than a volume."""
    return f"100 * ({part}) / ({whole}{f' > {low_volume}' if low_volume else ''})"


def increase(now: str, before: str) -> str:
    """The increase in percent."""
    return f"100 * (({now}) - ({before})) / ({before})"


def above(query: str, threshold: str, below: str = "") -> str:
    """What is above a threshold, and not above the next one."""
    return f"{query} > {threshold}" + (f" <= {below}" if below else "")
