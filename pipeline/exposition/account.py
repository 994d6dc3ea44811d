"""What became of the messages of a run, for the person who started it."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Mapping
from typing import NamedTuple

from pipeline.diagnostics import printable
from pipeline.plan.outcome import Outcome
from pipeline.plan.plan import Node, Plan
from pipeline.stage import Source, Writer

_SHOWN = 3
_KEPT = 100


class Account(NamedTuple):
    """The sums of a run; `str()` is the line that says them.

    `read` are messages, `undecoded` those of them that were rejected as a whole. The others are
    flows, each of which is `counted`, `filtered` or `rejected` in every one of `ends` metrics and
    outputs. `reasons` are those of what was rejected, and how often. `empty` messages were passed
    over and are not among those read: of a damaged disk, a hole of zeros is many of them.
    """

    read: int
    undecoded: int
    ends: int
    counted: int
    filtered: int
    rejected: int
    reasons: Counter[str]
    empty: int = 0

    @property
    def all_rejects(self) -> int:
        """What was rejected, messages and flows."""
        return self.undecoded + self.rejected

    @property
    def nothing_else(self) -> bool:
        """Whether everything that was read was rejected."""
        return bool(self.all_rejects) and not self.counted and not self.filtered

    def __str__(self) -> str:
        sums = f"{self.counted} counted, {self.filtered} filtered"
        if self.ends == 1:
            text = f"{self.read} read, {sums}, {self.all_rejects} rejected"
        else:
            flows = f"in {self.ends} metrics and outputs {sums}, {self.rejected} rejected"
            text = f"{self.read} read, {self.undecoded} rejected; {flows}"
        return f"{text}{self._reasons()}{f'; {self.empty} empty' if self.empty else ''}"

    def _reasons(self) -> str:
        if not self.reasons:
            return ""
        first = [f"{printable(r)} ({n})" for r, n in self.reasons.most_common(_SHOWN)]
        left = self.all_rejects - sum(n for _, n in self.reasons.most_common(_SHOWN))
        return ": " + "; ".join([*first, f"and {left} more"] if left > 0 else first)


class Reasons:
    """Why messages and flows were rejected; of many different reasons, the first ones."""

    def __init__(self) -> None:
        self.counts: Counter[str] = Counter()

    def add(self, outcome: Outcome) -> None:
        """Take what one batch rejected."""
        for reject in outcome.rejects:
            if reject.reason in self.counts or len(self.counts) < _KEPT:
                self.counts[reject.reason] += 1


class BySource:
    """What the stages did with the flows of each source."""

    def __init__(self) -> None:
        self._values: dict[str, dict[str, Counter[str]]] = {}
        self._resumed: set[str] = set()

    def add(self, source: str, outcome: Outcome) -> None:
        """Take what one batch of a source gave."""
        values = self._values.setdefault(source, defaultdict(Counter))
        for stage, counts in outcome.counts.items():
            values["stage_flows_in"][stage] += counts.flows_in
            values["stage_flows_out"][stage] += counts.flows_out
            values["stage_flows_rejected"][stage] += counts.rejected

    def resume(self, source: str) -> None:
        """A source goes on where a state ends: there may be an unfinished line and no more."""
        self._resumed.add(source)

    def in_vain(self, plan: Plan) -> list[str]:
        """The sources with an end that gave nothing but rejects, in the plan that runs."""
        ended = [one.name for one in plan.sources if not one.endless and one.name in self._values]
        return [
            name
            for name in ended
            if name not in self._resumed
            and account(plan, self._values[name], Reasons()).nothing_else
        ]


def account(plan: Plan, values: Mapping[str, Mapping[str, float]], reasons: Reasons) -> Account:
    """The sums of a run, from the self-metrics that have one label, the stage, by stage."""
    decoded = {
        source.name: int(values["stage_flows_out"].get(source.name, 0)) for source in plan.sources
    }
    read = sum(int(values["stage_flows_in"].get(name, 0)) for name in decoded)
    ends = counted = rejected = possible = 0
    for node in plan.nodes:
        metrics = _ends(node)
        ends += metrics
        if metrics:
            counted += int(values["stage_flows_out"].get(node.name, 0))
            rejected += int(values["stage_flows_rejected"].get(node.name, 0))
            possible += metrics * sum(decoded[name] for name in _sources(plan, node))
    filtered = max(0, possible - counted - rejected)
    undecoded = read - sum(decoded.values())
    empty = sum(int(values.get("ingest_empty", {}).get(name, 0)) for name in decoded)
    return Account(read, undecoded, ends, counted, filtered, rejected, reasons.counts, empty)


def _ends(node: Node) -> int:
    """In how many metrics, or in how many outputs, a flow ends at this stage."""
    return len(node.spec.families()) or int(isinstance(node.spec, Writer))


def _sources(plan: Plan, node: Node) -> set[str]:
    """The sources whose flows reach a stage."""
    nodes = {one.name: one for one in plan.nodes}
    reached, waiting = {node.name}, [node]
    while waiting:
        for parent in waiting.pop().parents:
            if parent not in reached:
                reached.add(parent)
                waiting.append(nodes[parent])
    return {name for name in reached if isinstance(nodes[name].spec, Source)}
