"""What a stage is: its Spec and the five roles.

A stage is one file of the package `stages`: a frozen Spec (its YAML fields; the tag is the YAML
`type`) whose methods say which fields it reads, check what only the stage can check, and build its
behaviour once. The engine counts flows, times stages and routes what is rejected; the author of a
stage does not.

Everything else a stage can do is optional, and declared by the module that asks for it:
`plan.compile.AlsoReads` and `Definitions`, `plan.checks.TracksLists` and `NamesFields`.
"""

from __future__ import annotations

import random
import threading
import time
from collections.abc import Callable, Collection, Hashable, Iterator, Sequence
from dataclasses import dataclass, field
from enum import Enum, auto
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple, Protocol

import msgspec
import polars as pl

from pipeline.diagnostics import Problem
from pipeline.kafka.connection import Subscription
from pipeline.kafka.publication import Publication, Record
from pipeline.stage.example import Example
from pipeline.stage.metrics import Encoded, Family, Policy
from pipeline.stage.resources import ResourcePool

Fields = frozenset[str]
"""Names of flow fields."""


@dataclass(frozen=True)
class BuildContext:
    """What a stage is built from.

    `folder` is where relative file names start. `needed` are the fields that any stage of the plan
    reads, None for all of them: a decoder or an enricher may leave out the others. `clock` gives
    epoch seconds. `random` is for constants drawn while the stage is built, such as the seeds of
    its draws; what a built stage does depends on its input alone.
    """

    folder: Path = Path()
    needed: Fields | None = None
    clock: Callable[[], float] = time.time
    random: random.Random = field(default_factory=random.Random)

    def needs(self, name: str) -> bool:
        """Whether any stage of the plan reads this field (or a nested name of it)."""
        return self.needed is None or name in self.needed


@dataclass(frozen=True)
class SourceContext:
    """What a local source reads with: the configuration's folder, and the event that ends it."""

    folder: Path = Path()
    stopping: threading.Event = field(default_factory=threading.Event)


class Spec(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """The configuration of one stage, as written in YAML.

    `name` is the stage's own name. `follows` names the stages whose flows come in.
    """

    name: Annotated[str, msgspec.Meta(min_length=1)]
    follows: str | list[str] = []

    example: ClassVar[Example | None] = None
    """A run of it for docs/stages.md; every stage of the package `stages` has one."""

    final: ClassVar[bool] = False
    """Nothing can follow a final stage, and it needs no follower."""

    @property
    def parents(self) -> tuple[str, ...]:
        """The names of the stages whose flows come in."""
        return (self.follows,) if isinstance(self.follows, str) else tuple(self.follows)

    @property
    def type(self) -> str:
        """The YAML `type` of this stage."""
        return str(self.__struct_config__.tag)

    def reads(self) -> Fields | None:
        """The fields this stage reads; None when it reads every field of a flow."""
        return frozenset()

    def check(self, folder: Path) -> Iterator[Problem]:
        """What is wrong beyond types; paths are relative to the stage. Files are under `folder`.

        What it reads from files it may keep for `build` (see `pipeline.stage.once`).
        """
        yield from ()


class Decoded(NamedTuple):
    """Payloads as flows. `flows` has a row per good payload, in order (see `flows.values`).

    `rejected` pairs the index of a payload that cannot be decoded with the reason; `coerced` counts
    texts that were turned into numbers because the catalogue says so.
    """

    flows: pl.DataFrame
    rejected: list[tuple[int, str]]
    coerced: int = 0


Decode = Callable[[list[bytes]], Decoded]
Step = Callable[[pl.DataFrame], pl.DataFrame]
Encode = Callable[[pl.DataFrame], Encoded]
Write = Callable[[pl.DataFrame], Sequence[Record]]


class Source(Spec, frozen=True, kw_only=True):
    """Where flows come from: local inputs have `chunks`, Kafka topics a `subscription`."""

    live: ClassVar[bool] = False
    """Flows arrive as they happen, so that an idle series means something."""

    def decode(self, context: BuildContext) -> Decode:
        """The decoder of this source's payloads."""
        raise NotImplementedError

    def replay(self, recording: Path) -> Source:
        """The same source with its messages taken from a file instead."""
        raise NotImplementedError

    def subscription(self, folder: Path) -> Subscription | None:
        """The Kafka topics it consumes, which the Kafka runtime does; None for local inputs."""
        return None

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        """The payloads in runs; ends with the input, or soon after `context.stopping` is set.

        Raises OSError, which names the file, when the input cannot be read.
        """
        raise NotImplementedError


class Knowledge(Protocol):
    """What a built stage knows about addresses, for people who ask."""

    def explain(self, address: str, at: int | None) -> Iterator[tuple[str, str]]:
        """What it knows about an address at a time (ms; None: now), as titles and texts."""

    def problems(self) -> list[str]:
        """What keeps its knowledge from being complete, for people."""


@dataclass(frozen=True)
class BuiltStage:
    """A transform's behaviour, for a stage that is built from more than its fields.

    `refresh` brings up to date what the stage looks flows up in. It is called once before a batch,
    never while one is under way; it raises InterruptedError when the event is set while it waits.
    `fingerprint` is a value that changes when the stage has to be built again, because a file or
    an object it is built from has changed.
    """

    step: Step
    refresh: Callable[[threading.Event], None] | None = None
    fingerprint: Callable[[], Hashable] | None = None
    knowledge: Knowledge | None = None

    def __call__(self, flows: pl.DataFrame) -> pl.DataFrame:
        """Take a frame through the step."""
        return self.step(flows)


class Transform(Spec, frozen=True, kw_only=True):
    """From a frame of flows to a frame of flows: rows kept in order, fewer, more or rewritten."""

    annotates: ClassVar[bool] = False
    """It only writes what is known about a flow from elsewhere: when that changes, what was
    counted before is still right, and counting goes on."""

    def build(self, context: BuildContext) -> Step:
        """The behaviour, maybe as a BuiltStage; called once, so parse, compile and load here."""
        raise NotImplementedError


class ResourceTransform(Transform, frozen=True, kw_only=True):
    """A transform that uses resources which outlive a plan, such as the watch of a cluster."""

    def build(self, context: BuildContext, resources: ResourcePool | None = None) -> BuiltStage:
        """The behaviour; without resources nothing is opened (the plan is only looked at)."""
        raise NotImplementedError


class Encoder(Spec, frozen=True, kw_only=True):
    """From flows to deltas of metric families."""

    final: ClassVar[bool] = True

    def families(self) -> tuple[Family, ...]:
        """Every family it can count; each flow is counted, filtered or rejected in each."""
        raise NotImplementedError

    def policy(self) -> Policy:
        """How its series are kept and exposed."""
        return Policy(self.name)

    def build(self, context: BuildContext) -> Encode:
        """The behaviour."""
        raise NotImplementedError


class Sink(Enum):
    """Where the records of a writer go."""

    NOWHERE = auto()
    STDOUT = auto()
    KAFKA = auto()


class Writer(Spec, frozen=True, kw_only=True):
    """From flows to records that the runtime delivers to the `sink`."""

    final: ClassVar[bool] = True
    sink: ClassVar[Sink]

    def publication(self, folder: Path) -> Publication | None:
        """The topic the records go to, for `Sink.KAFKA`; None for the other sinks."""
        return None

    def build(self, context: BuildContext) -> Write:
        """The behaviour: one record per flow to publish."""
        raise NotImplementedError


@dataclass(frozen=True)
class Expansion:
    """What a macro stands for.

    `stages` replace the macro and those of its followers that belong to it. `statuses` are the
    resources behind them with their conditions, as plain data. `report` tells whoever keeps the
    resources how they fare, once the plan runs. `fingerprint` is as in BuiltStage.
    """

    stages: list[Spec]
    statuses: Sequence[dict[str, object]] = ()
    report: Callable[[], None] | None = None
    fingerprint: Callable[[], Hashable] | None = None


class Macro(Spec, frozen=True, kw_only=True):
    """A stage that stands for others. It is replaced before the plan is made."""

    def expand(
        self, context: BuildContext, followers: Sequence[Spec], taken: Collection[str]
    ) -> Expansion:
        """What replaces it. `taken` are the names of the metrics that other stages make.

        Raises ConfigError when a follower cannot follow it.
        """
        raise NotImplementedError


class ResourceMacro(Macro, frozen=True, kw_only=True):
    """A macro that uses resources which outlive a plan, such as the objects of a cluster."""

    def expand(
        self,
        context: BuildContext,
        followers: Sequence[Spec],
        taken: Collection[str],
        resources: ResourcePool | None = None,
    ) -> Expansion:
        """What replaces it; without resources nothing is opened (the plan is only looked at)."""
        raise NotImplementedError
