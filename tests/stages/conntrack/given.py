"""A stage of connections as tests configure it, and the same worked out flow by flow."""

from __future__ import annotations

import operator
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import msgspec

from pipeline.flows.gob_hash import gob
from pipeline.stage import BuildContext, Stepped
from pipeline.testing import frame, rows
from stages.conntrack.fields import Operation, Output, RecordType
from stages.conntrack.stage import Conntrack

GROUPS = {"src": ["SrcAddr", "SrcPort"], "dst": ["DstAddr", "DstPort"], "common": ["Proto"]}
BOTH = {"groups": ["common"], "a": "src", "b": "dst"}
ALL = ["newConnection", "flowLog", "heartbeat", "endConnection"]


def stage(**fields: Any) -> Conntrack:
    """A stage with the usual key."""
    given = {"name": "s", "type": "conntrack", "groups": GROUPS, "keys": BOTH, "records": ALL}
    return msgspec.convert(given | fields, Conntrack)


class Run:
    """Batches through a stage, each at a time (s)."""

    def __init__(self, spec: Conntrack, *decoders: str) -> None:
        self.tracker = spec.build(BuildContext(decoders=frozenset(decoders)))
        self.memory = self.tracker.begin()

    def step(self, flows: Sequence[Mapping[str, Any]], now: float) -> Stepped:
        """A batch, whose change is adopted."""
        stepped = self.tracker.step(frame([dict(flow) for flow in flows]), self.memory, now)
        self.memory.adopt(stepped.change)
        return stepped

    def records(self, flows: Sequence[Mapping[str, Any]], now: float) -> list[dict[str, Any]]:
        """The records of a batch."""
        return rows(self.step(flows, now).flows)


def measures(stepped: Stepped) -> dict[tuple[str, ...], float]:
    """What self-metrics grow by, by name and labels."""
    return {(name.removeprefix("conntrack_"), *labels): n for name, n, labels in stepped.measures}


def fnv(content: bytes) -> int:
    """64-bit FNV-1a."""
    found = 0xCBF29CE484222325
    for byte in content:
        found = (found ^ byte) * 0x100000001B3 % 2**64
    return found


class _Connection:
    def __init__(self, a: int, keys: dict[str, Any]) -> None:
        self.a = a
        self.keys = keys
        self.values: dict[str, Any] = {}
        self.end = self.beat = 0.0
        self.fin = self.reported = False


class Model:
    """The same stage, one flow at a time, for one scheduling group."""

    def __init__(self, spec: Conntrack) -> None:
        self.spec = spec
        self.open: dict[int, _Connection] = {}
        [group] = spec.scheduling
        self.times = {
            n: float(str(getattr(group, n)).rstrip("s")) for n in ("end", "terminate", "heartbeat")
        }

    def records(self, flows: Sequence[Mapping[str, Any]], now: float) -> list[dict[str, Any]]:
        """The records of a batch."""
        found: list[dict[str, Any]] = []
        for flow in flows:
            if flow.get("Proto") in {6, 17, 132}:
                found += self._flow(flow, now)
        found += self._ends(now)
        found += self._beats(now)
        return [one for one in found if one["_RecordType"] in self.spec.records]

    def _flow(self, flow: Mapping[str, Any], now: float) -> list[dict[str, Any]]:
        a, b = (
            fnv(b"".join(_gob(flow[n]) for n in GROUPS[g] if n in flow)) for g in ("src", "dst")
        )
        common = fnv(_gob(flow["Proto"]))
        key = fnv(b"".join(part.to_bytes(8) for part in (common, min(a, b), max(a, b))))
        found = []
        if flow.get("Duplicate") is not True:
            found = self._add(key, a, b, flow, now)
        return [*found, {**flow, "_HashId": f"{key:x}", "_RecordType": "flowLog"}]

    def _add(
        self, key: int, a: int, b: int, flow: Mapping[str, Any], now: float
    ) -> list[dict[str, Any]]:
        flags = flow.get("Flags", 0)
        new = key not in self.open
        if new:
            if len(self.open) >= self.spec.max_connections:
                return []
            swap = bool(self.spec.tcp_flags.swap and flags & 256)
            keys = {n: flow.get(n) for group in GROUPS.values() for n in group}
            if swap:
                ends = dict(
                    zip(GROUPS["src"] + GROUPS["dst"], GROUPS["dst"] + GROUPS["src"], strict=True)
                )
                keys = {ends.get(n, n): value for n, value in keys.items()}
            self.open[key] = _Connection(b if swap else a, keys)
            self.open[key].beat = now + self.times["heartbeat"]
        connection = self.open[key]
        for output in self.spec.outputs:
            self._output(connection, output, flow, new=new, forward=a == connection.a)
        if not connection.fin:
            connection.fin = bool(self.spec.tcp_flags.detect_end and flags & 1)
            connection.end = now + self.times["terminate" if connection.fin else "end"]
        return [self._report(key, connection, RecordType.NEW)] if new else []

    @staticmethod
    def _output(
        connection: _Connection,
        output: Output,
        flow: Mapping[str, Any],
        *,
        new: bool,
        forward: bool,
    ) -> None:
        suffix = ("_AB" if forward else "_BA") if output.split else ""
        name, given = output.name + suffix, flow.get(output.input or output.name)
        held = connection.values.get(name)
        if output.operation is Operation.COUNT:
            connection.values[name] = (held or 0) + 1
        elif output.operation is Operation.FIRST:
            if new:
                connection.values[name] = given
        elif output.operation is Operation.LAST:
            connection.values[name] = held if given is None else given
        elif isinstance(given, str) or (given is None and output.report_missing):
            pass
        else:
            number = given or 0
            operations: dict[Operation, Callable[[Any, Any], Any]] = {
                Operation.SUM: operator.add,
                Operation.MIN: min,
                Operation.MAX: max,
            }
            connection.values[name] = (
                number if held is None else operations[output.operation](held, number)
            )

    def _report(self, key: int, connection: _Connection, kind: RecordType) -> dict[str, Any]:
        own = {name: value for name, value in connection.values.items() if value not in {0, None}}
        first = not connection.reported
        if kind in self.spec.records:
            connection.reported = True
        found = {**own, **connection.keys, "_IsFirst": first}
        return {**found, "_HashId": f"{key:x}", "_RecordType": str(kind)}

    def _ends(self, now: float) -> list[dict[str, Any]]:
        due = [
            (not c.fin, c.end, place, key)
            for place, (key, c) in enumerate(self.open.items())
            if c.end < now
        ]
        found = [self._report(key, self.open[key], RecordType.END) for *_, key in sorted(due)]
        for *_, key in due:
            del self.open[key]
        return found

    def _beats(self, now: float) -> list[dict[str, Any]]:
        due = [
            (c.beat, place, key)
            for place, (key, c) in enumerate(self.open.items())
            if c.beat < now and not c.fin
        ]
        if RecordType.HEARTBEAT not in self.spec.records:
            return []
        for *_, key in due:
            self.open[key].beat = now + self.times["heartbeat"]
        return [self._report(key, self.open[key], RecordType.HEARTBEAT) for *_, key in sorted(due)]


def _gob(value: Any) -> bytes:
    found = gob(float(value) if isinstance(value, int) else value)
    assert found is not None
    return found
