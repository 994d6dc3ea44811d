"""Stages to a plan: macros replaced, equal stages merged, ordered and built."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import replace
from graphlib import TopologicalSorter
from typing import Protocol, runtime_checkable

import msgspec

from pipeline.flows import catalogue
from pipeline.plan import runners
from pipeline.plan.expand import expand_macros
from pipeline.plan.families import bare, digests_of, families_of
from pipeline.plan.plan import Node, Plan
from pipeline.plan.runners import Runner
from pipeline.stage import (
    BuildContext,
    BuiltStage,
    Encoder,
    Fields,
    ResourcePool,
    ResourceTransform,
    Source,
    Spec,
    StatefulTransform,
    Transform,
    Writer,
)
from pipeline.state.memories import Remembering


@runtime_checkable
class AlsoReads(Protocol):
    """A stage that reads more fields because of the files it is built from."""

    def also_reads(self, context: BuildContext) -> Fields:
        """These fields, besides what `reads` says."""


def compile_plan(
    stages: Iterable[Spec],
    context: BuildContext,
    resources: ResourcePool | None = None,
    reserved: Iterable[str] = (),
) -> Plan:
    """Replace macros, merge equal stages that follow the same parent, order and build.

    Without `resources` nothing is opened: the plan is only looked at. `reserved` are the names of
    the engine's own metrics. Raises ConfigError when two metrics expose one name,
    `graphlib.CycleError` on a cycle (`pipeline.config` refuses both with their place where it can
    see them), and ValueError when a stage cannot be built.
    """
    expanded = expand_macros(stages, context, resources, reserved)
    nodes = _merge(_order(expanded.stages))
    needed, decoders = _needed(nodes, context), _decoders(nodes)
    own = {
        n.name: replace(context, needed=needed[n.name], decoders=decoders[n.name]) for n in nodes
    }
    built = {
        node.name: _build(node.spec, own[node.name], resources)
        for node in nodes
        if isinstance(node.spec, Transform)
    }
    digests = digests_of(nodes)
    remembering = {
        node.name: Remembering(digests[node.name].hex(), node.spec.build(own[node.name]))
        for node in nodes
        if isinstance(node.spec, StatefulTransform)
    }
    context = replace(context, needed=_all(needed.values()))
    return Plan(
        nodes,
        context,
        families_of(nodes, digests),
        decoders={n.name: n.spec.decode(context) for n in nodes if isinstance(n.spec, Source)},
        runners={
            node.name: runners.transform(built[node.name].step)
            if node.name in built
            else _runner(node.spec, replace(context, decoders=decoders[node.name]))
            for node in nodes
            if not isinstance(node.spec, (Source, StatefulTransform))
        },
        built=list(built.values()),
        remembering=remembering,
        expansions=expanded.expansions,
    )


def _order(stages: list[Spec]) -> list[Spec]:
    by_name = {stage.name: stage for stage in stages}
    graph = TopologicalSorter({stage.name: stage.parents for stage in stages})
    return [by_name[name] for name in graph.static_order()]


def _merge(stages: list[Spec]) -> list[Node]:
    """One node for equal transforms that follow the same parents."""
    nodes: dict[object, Node] = {}
    merged: dict[str, str] = {}
    for stage in stages:
        parents = tuple(merged[parent] for parent in stage.parents)
        key: object = stage.name
        if isinstance(stage, Transform | StatefulTransform):
            key = (msgspec.json.encode(bare(stage)), parents)
        first = nodes.get(key)
        names = (*first.names, stage.name) if first else (stage.name,)
        spec = first.spec if first else stage
        nodes[key] = Node(spec, parents, names)
        merged[stage.name] = spec.name
    return list(nodes.values())


def _needed(nodes: list[Node], context: BuildContext) -> dict[str, Fields | None]:
    """For each stage the fields that it and those behind it read; None: all of them."""
    needed: dict[str, Fields | None] = {}
    behind: dict[str, list[Fields | None]] = {node.name: [] for node in nodes}
    for node in reversed(nodes):
        needed[node.name] = _all([_reads(node.spec, context), *behind[node.name]])
        for parent in node.parents:
            behind[parent].append(needed[node.name])
    return needed


def _decoders(nodes: list[Node]) -> dict[str, frozenset[str]]:
    """For each stage the formats of the sources before it."""
    found: dict[str, frozenset[str]] = {}
    for node in nodes:
        own = {str(getattr(node.spec, "decoder", ""))} if isinstance(node.spec, Source) else set()
        found[node.name] = frozenset(own).union(*(found[parent] for parent in node.parents))
    return found


def _reads(spec: Spec, context: BuildContext) -> Fields | None:
    reads = spec.reads()
    if reads is None:
        return None
    if isinstance(spec, AlsoReads):
        reads |= spec.also_reads(context)
    # Every flow has TimeReceived: a frame without columns has no rows either.
    return reads | {catalogue.root(name) for name in reads} | {"TimeReceived"}


def _all(parts: Iterable[Fields | None]) -> Fields | None:
    found: Fields = frozenset()
    for part in parts:
        if part is None:
            return None
        found |= part
    return found


def _build(spec: Transform, context: BuildContext, resources: ResourcePool | None) -> BuiltStage:
    if isinstance(spec, ResourceTransform):
        return spec.build(context, resources)
    step = spec.build(context)
    return step if isinstance(step, BuiltStage) else BuiltStage(step)


def _runner(spec: Spec, context: BuildContext) -> Runner:
    if isinstance(spec, Encoder):
        encode = spec.build(context)
        encode = encode if spec.knows_parts else runners.each_part(encode)
        return runners.encoder(spec.name, encode, len(spec.families()))
    if isinstance(spec, Writer):
        return runners.writer(spec, spec.build(context))
    raise TypeError(f"{type(spec).__qualname__} has none of the roles of a stage")
