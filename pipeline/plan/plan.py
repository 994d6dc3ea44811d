"""Config -> Plan: checked, ordered, shared work done once; `Plan.run` takes a batch through it.

The plan has no effects: a batch goes in, deltas, records and rejected messages come out, with the
flows counted per stage. Publishing, merging and acknowledging are the runtime's.
"""

from __future__ import annotations

import hashlib
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator, Sequence
from contextlib import contextmanager
from dataclasses import dataclass, field, replace
from graphlib import TopologicalSorter

import msgspec
import polars as pl

from pipeline.diagnostics import ConfigError, Diagnostic, Location
from pipeline.flows import catalogue, values
from pipeline.flows.jsonl import json_lines
from pipeline.kafka.publication import Record
from pipeline.plan import checks
from pipeline.stage import (
    TAKEN,
    BuildContext,
    Decode,
    Delta,
    Encoded,
    Encoder,
    Family,
    Fields,
    Macro,
    Policy,
    Source,
    Spec,
    Step,
    Transform,
    Writer,
)


class DeadLetter(msgspec.Struct, frozen=True):
    """A message or a flow that could not be used. `index`: its place in the batch's payloads."""

    stage: str
    reason: str
    payload: bytes
    index: int = -1


class StageError(Exception):
    """A stage could not take a batch. `stage`: its name; `error`: what it raised."""

    def __init__(self, stage: str, error: BaseException) -> None:
        super().__init__(f'stage "{stage}" failed: {type(error).__name__}: {error}')
        self.stage = stage
        self.error = error


@dataclass
class Counts:
    """Flows of one stage: in = out + filtered + rejected (a flatten may give more rows out)."""

    flows_in: int = 0
    flows_out: int = 0
    filtered: int = 0
    rejected: int = 0
    coerced: int = 0
    seconds: float = 0.0


@dataclass
class Outcome:
    """What one batch gave; `messages` is how many payloads it is about."""

    messages: int = 0
    flows: int = 0
    deltas: list[Delta] = field(default_factory=list)
    records: list[tuple[Writer, Sequence[Record]]] = field(default_factory=list)
    dead: list[DeadLetter] = field(default_factory=list)
    refused: list[tuple[str, str, str]] = field(default_factory=list)
    """Error, metric and field of every value that could not be counted."""
    failed: list[tuple[str, str]] = field(default_factory=list)
    """Stage and error of every message that was rejected because a stage raised it."""
    counts: dict[str, Counts] = field(default_factory=dict)


@dataclass(frozen=True)
class Node:
    """A stage of the plan. `names`: every configured stage it stands for, its own first."""

    spec: Spec
    parents: tuple[str, ...]
    names: tuple[str, ...]

    @property
    def name(self) -> str:
        """The name of the stage that runs."""
        return self.spec.name


class Plan:
    """The stages as they will run, parents first."""

    def __init__(self, nodes: list[Node], env: BuildContext) -> None:
        self.nodes = nodes
        self.env = replace(env, needed=_needed(nodes, env))
        self.families: dict[str, tuple[Family, Policy]] = _families(nodes)
        self.sources = [node.spec for node in nodes if isinstance(node.spec, Source)]
        self._decoders: dict[str, Decode] = {s.name: s.decode(self.env) for s in self.sources}
        self._steps = {node.name: _build(node.spec, self.env) for node in nodes}
        self._walks = {source.name: self._walk(source.name) for source in self.sources}

    def run(self, source: str, payloads: list[bytes]) -> Outcome:
        """Take the payloads of one source through every stage that follows it.

        Raises StageError, and nothing has happened, when a stage fails.
        """
        outcome = Outcome(len(payloads))
        self.refresh()
        with attribute_errors(source):
            flows = self._decode(source, payloads, outcome)
        frames = {source: flows}
        pending = Counter(parent for node in self._walks[source] for parent in node.parents)
        for node in self._walks[source]:
            inputs = [frames[parent] for parent in node.parents if parent in frames]
            with attribute_errors(node.name):
                batch = inputs[0] if len(inputs) == 1 else values.concat(inputs)
                counts = outcome.counts[node.name] = Counts(flows_in=batch.height)
                start = time.perf_counter()
                result = self._steps[node.name](node, batch, outcome)
                counts.seconds = time.perf_counter() - start
            if result is not None:
                frames[node.name] = result
            for parent in node.parents:
                pending[parent] -= 1
                if not pending[parent]:
                    frames.pop(parent, None)
        return outcome

    def refresh(self) -> None:
        """Bring up to date what the stages follow; by one thread at a time, between batches."""
        for renew in self.env.before_batch:
            renew()

    def _decode(self, source: str, payloads: list[bytes], outcome: Outcome) -> pl.DataFrame:
        start = time.perf_counter()
        decoded = self._decoders[source](payloads)
        outcome.flows = decoded.flows.height
        outcome.counts[source] = Counts(
            flows_in=len(payloads),
            flows_out=decoded.flows.height,
            rejected=len(decoded.rejected),
            coerced=decoded.coerced,
            seconds=time.perf_counter() - start,
        )
        outcome.dead += [
            DeadLetter(source, reason, payloads[index], index) for index, reason in decoded.rejected
        ]
        return decoded.flows

    def _walk(self, source: str) -> list[Node]:
        """The nodes a source's flows reach, parents first; parents outside are left out."""
        reached = {source}
        walk = []
        for node in self.nodes:
            parents = tuple(parent for parent in node.parents if parent in reached)
            if parents:
                reached.add(node.name)
                walk.append(replace(node, parents=parents))
        return walk


@contextmanager
def attribute_errors(stage: str) -> Iterator[None]:
    """Whatever the block raises is the stage's fault, but for what concerns the process."""
    try:
        yield
    except (MemoryError, InterruptedError):
        raise
    except (Exception, pl.exceptions.PanicException) as error:
        raise StageError(stage, error) from error


_Runner = Callable[[Node, pl.DataFrame, Outcome], pl.DataFrame | None]


def compile_plan(stages: Iterable[Spec], env: BuildContext) -> Plan:
    """Expand macros, merge equal stages that follow the same parent, order and build.

    Raises ConfigError when two metrics have one name, `graphlib.CycleError` on a cycle;
    `pipeline.config` refuses both with their place where it can see them.
    """
    whole = expanded(list(stages), env)
    doubles = [
        Diagnostic(Location("stages"), problem, name)
        for name, problem in checks.duplicate_metrics(whole)
    ]
    if doubles:
        raise ConfigError(doubles)
    return Plan(_merged(_ordered(whole)), env)


def expanded(stages: list[Spec], env: BuildContext) -> list[Spec]:
    """The stages with every macro replaced by what it stands for."""
    for macro in [stage for stage in stages if isinstance(stage, Macro)]:
        followers = [stage for stage in stages if macro.name in stage.parents]
        gone = {macro.name, *(stage.name for stage in followers)}
        env.shared[TAKEN] = frozenset(
            family.name
            for stage in stages
            if isinstance(stage, Encoder)
            for family in stage.families()
        )
        stages = [s for s in stages if s.name not in gone] + macro.expand(env, followers)
    return stages


def statuses(stages: Iterable[Spec], env: BuildContext) -> list[dict[str, object]]:
    """The resources behind the macros, with their conditions, as plain data."""
    return [
        status for macro, followers in _macros(stages) for status in macro.status(env, followers)
    ]


def report(stages: Iterable[Spec], env: BuildContext) -> None:
    """Let the macros tell how their resources fare in the plan that runs."""
    for macro, followers in _macros(stages):
        macro.report(env, followers)


def _macros(stages: Iterable[Spec]) -> list[tuple[Macro, list[Spec]]]:
    whole = list(stages)
    return [
        (macro, [stage for stage in whole if macro.name in stage.parents])
        for macro in whole
        if isinstance(macro, Macro)
    ]


def _ordered(stages: list[Spec]) -> list[Spec]:
    by_name = {stage.name: stage for stage in stages}
    graph = TopologicalSorter({stage.name: stage.parents for stage in stages})
    return [by_name[name] for name in graph.static_order()]


def _merged(stages: list[Spec]) -> list[Node]:
    nodes: dict[object, Node] = {}
    merged: dict[str, str] = {}
    for stage in stages:
        parents = tuple(dict.fromkeys(merged[parent] for parent in stage.parents))
        key: object = stage.name
        if isinstance(stage, Transform):
            bare = msgspec.structs.replace(stage, name="", follows=[])
            key = (msgspec.json.encode(bare), parents)
        first = nodes.get(key)
        names = (*first.names, stage.name) if first else (stage.name,)
        spec = first.spec if first else stage
        nodes[key] = Node(spec, parents, names)
        merged[stage.name] = spec.name
    return list(nodes.values())


def _needed(nodes: list[Node], env: BuildContext) -> Fields | None:
    needed = {"TimeReceived"}  # every flow has it: a frame without columns has no rows either
    for node in nodes:
        reads = node.spec.reads()
        if reads is None:
            return None
        reads |= node.spec.also_reads(env)
        needed |= reads | {catalogue.root(name) for name in reads}
    return frozenset(needed)


def _families(nodes: list[Node]) -> dict[str, tuple[Family, Policy]]:
    """Every family with the chain that decides its values: its definition, the stages before it.

    Equal chains mean that counting may go on, in this process or another. Of stages that only
    annotate, that they are there counts, not what they write.
    """
    digests: dict[str, bytes] = {}
    families: dict[str, tuple[Family, Policy]] = {}
    for node in nodes:
        spec = node.spec
        before = b"".join(sorted(digests[parent] for parent in node.parents))
        own: object = msgspec.structs.replace(spec, name="", follows=[])
        if isinstance(spec, Source) or (isinstance(spec, Transform) and spec.annotates):
            own = spec.type
        digests[node.name] = _digest(own, before)
        if isinstance(spec, Encoder):
            for family, definition in zip(spec.families(), spec.definitions(), strict=True):
                chain = _digest(definition, before).hex()
                chained = msgspec.structs.replace(family, chain=chain)
                families[family.name] = chained, spec.policy()
    return families


def _digest(own: object, before: bytes) -> bytes:
    return hashlib.blake2b(msgspec.json.encode(own) + before, digest_size=16).digest()


def _build(spec: Spec, env: BuildContext) -> _Runner:
    if isinstance(spec, Transform):
        return _transform(spec.build(env))
    if isinstance(spec, Encoder):
        return _encoder(spec.build(env), len(spec.families()))
    if isinstance(spec, Writer):
        return _writer(spec, spec.build(env))
    return lambda *_: None


def _transform(step: Step) -> _Runner:
    def run(node: Node, batch: pl.DataFrame, outcome: Outcome) -> pl.DataFrame:
        result = step(batch)
        counts = outcome.counts[node.name]
        counts.flows_out = result.height
        counts.filtered = max(0, batch.height - result.height)
        return result

    return run


def _encoder(encode: Callable[[pl.DataFrame], Encoded], families: int) -> _Runner:
    def run(node: Node, batch: pl.DataFrame, outcome: Outcome) -> None:
        encoded = encode(batch)
        outcome.deltas += encoded.deltas
        counts = outcome.counts[node.name]
        counts.flows_in = batch.height * families
        counts.filtered = encoded.skipped
        counts.rejected = len(encoded.refused)
        counts.flows_out = counts.flows_in - counts.filtered - counts.rejected
        if encoded.refused:
            flows = json_lines(batch[[bad.row for bad in encoded.refused]])
            outcome.dead += [
                DeadLetter(node.name, bad.reason, flow.encode())
                for bad, flow in zip(encoded.refused, flows, strict=True)
            ]
            outcome.refused += [(bad.error, bad.metric, bad.key) for bad in encoded.refused]

    return run


def _writer(writer: Writer, write: Callable[[pl.DataFrame], Sequence[Record]]) -> _Runner:
    def run(node: Node, batch: pl.DataFrame, outcome: Outcome) -> None:
        records = write(batch)
        outcome.records.append((writer, records))
        outcome.counts[node.name].flows_out = len(records)

    return run
