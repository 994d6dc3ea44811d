"""What a stage is: its Spec, the five shapes, and the registry.

A stage is one file of the package `stages`: a frozen Spec (its YAML fields; the tag is the YAML
`type`) whose methods say what it reads, check what only it can check, and build its behaviour once.
The engine counts flows, times stages and routes what is rejected; a stage's author does not.
"""

from __future__ import annotations

import importlib
import pkgutil
import random
import threading
import time
from collections.abc import Callable, Hashable, Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from enum import StrEnum
from pathlib import Path
from typing import Annotated, ClassVar, NamedTuple, TypeVar

import msgspec
import polars as pl

from pipeline.diagnostics import ConfigPath, Problem
from pipeline.kafka.connection import Subscription
from pipeline.kafka.publication import Publication, Record
from pipeline.stage.example import Example
from pipeline.stage.resources import Resource, ResourcePool

Fields = frozenset[str]
"""Names of flow fields."""

_Thing = TypeVar("_Thing")
_Resource = TypeVar("_Resource", bound=Resource)


@dataclass(frozen=True)
class BuildContext:
    """What a stage may use while it is built.

    `needed`: the fields that anything in the plan reads, None for all of them. A decoder or an
    enricher may leave out columns that are not needed. `shared`: what stages of one build have in
    common (one index per inventory, say), by key; whoever runs the plan finds it there too.
    `stopping` is set when the run is to end: a source that waits for input returns. `lasting` is
    what outlives a build; None where nothing may be opened (a plan that is only looked at). What a
    stage puts in `before_batch` is called before each batch.
    """

    folder: Path = Path()
    needed: Fields | None = None
    clock: Callable[[], float] = time.time
    random: random.Random = field(default_factory=random.Random)
    shared: dict[Hashable, object] = field(default_factory=dict, compare=False)
    stopping: threading.Event = field(default_factory=threading.Event, compare=False)
    lasting: ResourcePool | None = field(default=None, compare=False)
    before_batch: list[Callable[[], None]] = field(default_factory=list, compare=False)

    def needs(self, name: str) -> bool:
        """Whether anything in the plan reads this field (or a nested name of it)."""
        return self.needed is None or name in self.needed

    def acquire(
        self, key: tuple[type[_Resource], Hashable], make: Callable[[], _Resource]
    ) -> _Resource:
        """What outlives this build, as `ResourcePool.get` gives it; from then on it is shared."""
        found = self.shared.get(key)
        if not isinstance(found, key[0]):
            found = self.shared[key] = (self.lasting or ResourcePool()).acquire(key, make)
        return found

    def found(self, kind: type[_Thing]) -> list[_Thing]:
        """What of a kind the stages of one build have in common."""
        return [one for one in list(self.shared.values()) if isinstance(one, kind)]


class Spec(msgspec.Struct, frozen=True, kw_only=True, tag_field="type", forbid_unknown_fields=True):
    """The configuration of one stage, as written in YAML.

    `name` is its own. `follows` names the stages whose flows come in.
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

    def also_reads(self, env: BuildContext) -> Fields:
        """The fields it reads because of what it is built from (files, objects)."""
        return frozenset()

    def lists(self, fields: Fields) -> Fields:
        """Of fields that hold lists, those that still do after this stage, as then named."""
        return fields

    def check(self, folder: Path) -> Iterator[Problem]:
        """What is wrong beyond types; paths are relative to the stage. Files are under `folder`."""
        yield from ()

    def explain(self, address: str, at: int | None, env: BuildContext) -> Iterator[tuple[str, str]]:
        """What it knows about an address at a time (ms; None: now), as titles and texts."""
        yield from ()

    def fingerprint(self, env: BuildContext) -> Hashable:
        """What it is built from besides its fields (files, objects), as a value to compare.

        When it is no longer equal to what it was, the plan is compiled again.
        """
        return None


class Chunk(NamedTuple):
    """A run of raw messages and where the input stands after the last one."""

    payloads: list[bytes]
    position: int


class Decoded(NamedTuple):
    """Payloads as flows. `flows` has a row per good payload, in order (see `flows.values`).

    `rejected` pairs the index of a bad payload with the reason; `coerced` counts texts that were
    turned into numbers because the catalogue says so.
    """

    flows: pl.DataFrame
    rejected: list[tuple[int, str]]
    coerced: int = 0


Decode = Callable[[list[bytes]], Decoded]
Step = Callable[[pl.DataFrame], pl.DataFrame]


class Source(Spec, frozen=True, kw_only=True):
    """Where flows come from: local inputs have `chunks`, Kafka topics a `subscription`."""

    live: ClassVar[bool] = False
    """Flows arrive as they happen, so that an idle series means something."""

    def decode(self, env: BuildContext) -> Decode:
        """The decoder of this source's payloads."""
        raise NotImplementedError

    def replay(self, recording: Path) -> Source:
        """The same source with its messages taken from a file instead."""
        raise NotImplementedError

    def subscription(self, folder: Path) -> Subscription | None:
        """The Kafka topics it consumes, which the Kafka runtime does; None for local inputs."""
        return None

    def chunks(self, env: BuildContext, skip: int = 0) -> Iterator[Chunk]:
        """The payloads from position `skip` on; ends when the input ends."""
        raise NotImplementedError


class Transform(Spec, frozen=True, kw_only=True):
    """From a frame of flows to a frame of flows: rows kept in order, fewer, more or rewritten."""

    annotates: ClassVar[bool] = False
    """It only writes what is known about a flow from elsewhere: when that changes, what was
    counted before is still right, and goes on."""

    def build(self, env: BuildContext) -> Step:
        """The behaviour; called once, so parse, compile and load here."""
        raise NotImplementedError


class Kind(StrEnum):
    """The metric types of the exposition."""

    COUNTER = "counter"
    GAUGE = "gauge"
    HISTOGRAM = "histogram"


class Family(msgspec.Struct, frozen=True):
    """A metric as exposed: full name, label names, upper bounds of its buckets (no +Inf).

    `chain` is a plan's digest of what decides its values: with another one, it counts something
    else.
    """

    name: str
    kind: Kind
    labels: tuple[str, ...]
    help: str = ""
    buckets: tuple[float, ...] = ()
    chain: str = ""

    def continues(self, other: Family) -> bool:
        """Whether it may go on from the values of another one."""
        return self.shape == other.shape and self.chain == other.chain

    @property
    def shape(self) -> tuple[Kind, tuple[str, ...], tuple[float, ...]]:
        """What its series look like."""
        return self.kind, self.labels, self.buckets


class Policy(msgspec.Struct, frozen=True):
    """How the ledger keeps and exposes the series of an encoder.

    `group`: the configured stage, over which `max_series` counts. `expiry` in seconds. Limits of
    0 are no limits.
    """

    group: str
    expiry: float = 120.0
    max_series: int = 0
    max_series_per_metric: int = 0
    zero_first: bool = False


VALUE, COUNT, SUM = ":value", ":count", ":sum"
"""Value columns of a delta; `:` never occurs in a label name."""


def bucket(index: int) -> str:
    """The column of a histogram's bucket (not cumulative); the last index is +Inf."""
    return f":le{index}"


class Delta(NamedTuple):
    """What a batch adds to a family: one row per label set, in order of first appearance.

    Columns: the family's labels (String, no nulls), then VALUE (Float64; of a counter the
    increment, of a gauge the last value) or, for histograms, COUNT (Int64), SUM (Float64) and
    `bucket(i)` (Int64).
    """

    family: Family
    series: pl.DataFrame


class Refusal(NamedTuple):
    """A row that could not be counted in a metric (its name without prefix), and why.

    `error` names the kind of fault and `key` the field, as the self-metric reports them.
    """

    row: int
    reason: str
    error: str
    metric: str
    key: str


class Encoded(NamedTuple):
    """An encoder's answer for a frame.

    `skipped` counts rows without a value to count. Rows that are neither skipped nor refused were
    counted.
    """

    deltas: list[Delta]
    skipped: int = 0
    refused: tuple[Refusal, ...] = ()


class Encoder(Spec, frozen=True, kw_only=True):
    """From flows to deltas of metric families."""

    final: ClassVar[bool] = True

    def families(self) -> tuple[Family, ...]:
        """Every family this stage can count; each flow is counted, skipped or rejected in each."""
        raise NotImplementedError

    def named(self) -> Iterator[tuple[ConfigPath, str]]:
        """The fields of flows it names, each with the path to where it does."""
        yield from (((), label) for family in self.families() for label in family.labels)

    def definitions(self) -> tuple[object, ...]:
        """For each family what decides its values, as plain data; a change restarts the family."""
        bare = msgspec.structs.replace(self, name="", follows=[])
        return (bare,) * len(self.families())

    def policy(self) -> Policy:
        """How its series are kept and exposed."""
        return Policy(self.name)

    def build(self, env: BuildContext) -> Callable[[pl.DataFrame], Encoded]:
        """The behaviour."""
        raise NotImplementedError


class Writer(Spec, frozen=True, kw_only=True):
    """From flows to records that the runtime delivers; `sink` says where to."""

    final: ClassVar[bool] = True
    sink: ClassVar[str]

    def publication(self, folder: Path) -> Publication | None:
        """The Kafka topic the records go to; None for any other sink."""
        return None

    def build(self, env: BuildContext) -> Callable[[pl.DataFrame], Sequence[Record]]:
        """The behaviour: one record per flow to publish."""
        raise NotImplementedError


TAKEN = "families"
"""Key in `BuildContext.shared`: names of the families that the stages beside a macro have."""


class Macro(Spec, frozen=True, kw_only=True):
    """A stage that stands for others. It is replaced before the plan is made."""

    def status(self, env: BuildContext, followers: Iterable[Spec]) -> list[dict[str, object]]:
        """The resources it stands for and their conditions, as plain data."""
        return []

    def report(self, env: BuildContext, followers: Iterable[Spec]) -> None:
        """The plan it was expanded for runs now: tell whoever keeps the resources."""

    def expand(self, env: BuildContext, followers: Iterable[Spec]) -> list[Spec]:
        """The stages that replace this one and those of its followers that belong to it."""
        raise NotImplementedError


def registry() -> Mapping[str, type[Spec]]:
    """Every stage type by its YAML `type`, from the modules of the package `stages`."""
    package = importlib.import_module("stages")
    for module in pkgutil.walk_packages(package.__path__, "stages."):
        importlib.import_module(module.name)
    return {str(spec.__struct_config__.tag): spec for spec in _leaves(Spec)}


def _leaves(spec: type[Spec]) -> Iterator[type[Spec]]:
    for child in spec.__subclasses__():
        if child.__module__.startswith("stages."):
            yield child
        yield from _leaves(child)
