"""What a stage is: its Spec and the five roles (`pipeline.stage.macro` has the sixth).

A stage is one file of the package `stages`: a frozen Spec (its YAML fields; the tag is the YAML
`type`) whose methods say which fields it reads, check what only the stage can check, and build its
behaviour once. The engine counts flows, times stages and routes what is rejected; the author of a
stage does not.

Everything else a stage can do is optional, and declared by the module that asks for it:
`AlsoReads` in `plan.compile`, `Definitions` in `plan.families`, `TracksLists`, `NamesFields` and
`MakesFields` in `plan.fields`.
"""

from __future__ import annotations

from collections.abc import Iterator
from enum import Enum, auto
from pathlib import Path
from typing import Annotated, ClassVar

import msgspec

from pipeline.diagnostics import Problem
from pipeline.files import named
from pipeline.kafka.connection import Subscription
from pipeline.kafka.publication import Publication
from pipeline.parquet.storage import Storage
from pipeline.push.destination import Destination
from pipeline.stage.built import BuiltStage, Decode, Encode, Step, Write
from pipeline.stage.context import BuildContext, Fields, SourceContext
from pipeline.stage.example import Example
from pipeline.stage.listen import Listener
from pipeline.stage.memory import Stateful
from pipeline.stage.metrics import Family, Policy
from pipeline.stage.resources import ResourcePool


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

    def families(self) -> tuple[Family, ...]:
        """Every metric family it can count: none, unless it is an encoder."""
        return ()

    def inputs(self, folder: Path) -> Iterator[Path]:
        """The files it reads, which no output may take the place of: those that `named` finds."""
        yield from named(self, folder)

    def check(self, folder: Path) -> Iterator[Problem]:
        """What is wrong beyond types; paths are relative to the stage. Files are under `folder`.

        What it reads from files it may keep for `build` (see `pipeline.stage.once`).
        """
        yield from ()


class Source(Spec, frozen=True, kw_only=True):
    """Where flows come from: local inputs have `chunks`, Kafka topics a `subscription`."""

    live: ClassVar[bool] = False
    """Flows arrive as they happen, so that an idle series means something."""

    endless: ClassVar[bool] = False
    """It goes on until it is stopped, so that a command that only reads cannot read it."""

    serves: ClassVar[bool] = False
    """Flows are sent to it, and what was sent cannot be read again. Its `chunks` do not wait: they
    give what has come, which may be nothing, and are asked again once that was counted."""

    def decode(self, context: BuildContext) -> Decode:
        """The decoder of this source's payloads."""
        raise NotImplementedError

    def replay(self, recording: Path) -> Source:
        """The same source with its messages taken from a file instead."""
        raise NotImplementedError

    def subscription(self, folder: Path) -> Subscription | None:
        """The Kafka topics it consumes, which the Kafka runtime does; None for local inputs."""
        return None

    def listeners(self) -> Iterator[Listener]:
        """What it listens on, for those who send to it."""
        yield from ()

    def chunks(self, context: SourceContext) -> Iterator[list[bytes]]:
        """The payloads in runs; ends with the input, or soon after `context.stopping` is set.

        Raises OSError, which names the file, when the input cannot be read.
        """
        raise NotImplementedError


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


class StatefulTransform(Spec, frozen=True, kw_only=True):
    """A transform that remembers flows from batch to batch (see `pipeline.stage.memory`).

    What comes out need not be the flows that came in: it says itself how many it left out.
    """

    def build(self, context: BuildContext) -> Stateful:
        """The behaviour; what it remembers is not part of it."""
        raise NotImplementedError


class Encoder(Spec, frozen=True, kw_only=True):
    """From flows to deltas of metric families."""

    final: ClassVar[bool] = True

    knows_parts: ClassVar[bool] = False
    """Where its flows have the column `values.PART`, its deltas have it too, as one label more.
    Any other encoder is given the flows of each part by themselves."""

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
    PARQUET = auto()
    SERVER = auto()


class Writer(Spec, frozen=True, kw_only=True):
    """From flows to records that the runtime delivers to the `sink`."""

    final: ClassVar[bool] = True
    sink: ClassVar[Sink]

    def publication(self, folder: Path) -> Publication | None:
        """The topic the records go to, for `Sink.KAFKA`; None for the other sinks."""
        return None

    def storage(self, folder: Path) -> Storage | None:
        """The folder the flows go to, for `Sink.PARQUET`; None for the other sinks."""
        return None

    def destination(self, folder: Path) -> Destination | None:
        """The server the flows are pushed to, for `Sink.SERVER`; None for the other sinks."""
        return None

    def build(self, context: BuildContext) -> Write:
        """The behaviour: one record per flow to publish; for Parquet and servers, a frame."""
        raise NotImplementedError
