"""What a worker has counted and knows, as plain data, for the JSON that a server answers with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from http import HTTPStatus
from typing import NamedTuple, TypeVar

import msgspec

from pipeline.api.schema import (
    Explanation,
    FamilySeries,
    Inventory,
    PartitionPosition,
    Progress,
    Totals,
)
from pipeline.api.server import UnansweredError
from pipeline.flows import cidr, gotext
from pipeline.kafka.batch import TopicPartition
from pipeline.kube.api import objects
from pipeline.kube.api.objects import Object
from pipeline.kube.index.index import Index
from pipeline.kube.index.kept import IndexDump
from pipeline.kube.inventory.export import Manifest, labelled, manifests
from pipeline.kube.inventory.reduce import reduced
from pipeline.kube.knowledge import LabelKnowledge, ObjectKnowledge, in_order
from pipeline.kube.subnets import Label
from pipeline.kube.sync.subnet_labels import LabelFeed
from pipeline.plan.live import ActivePlan
from pipeline.plan.plan import Plan
from pipeline.stage.resources import ResourcePool
from pipeline.state.count_store import CountStore
from pipeline.state.series_table import SeriesTable

T = TypeVar("T")

_PATIENCE = 20.0
"""Seconds to wait for the end of a batch before a question is not answered."""


def series(table: SeriesTable) -> FamilySeries:
    """A family and its series."""
    return FamilySeries(table.family, table.columns, table.series().rows())


def progress(counts: CountStore) -> Progress:
    """The positions up to which the counts of a worker are durable."""
    return Progress(_positions(counts.durable()))


def totals(counts: CountStore) -> Totals:
    """The exact totals of this worker."""
    positions, topics, tables = counts.totals()
    return Totals(_positions(positions), dict(topics), [series(table) for table in tables])


def who(live: ActivePlan, resources: ResourcePool, query: Mapping[str, str]) -> Explanation:
    """What the stages of the plan know about `address`, now or `at` a time (ms): titles and texts.

    Raises UnansweredError.
    """
    address, at = query.get("address", ""), query.get("at", "")
    if not cidr.address(cidr.canonical(address)):
        raise UnansweredError(HTTPStatus.BAD_REQUEST, f'"{address}" is not an address: ?address=IP')
    moment = gotext.parse_integer(at)
    if moment is None and "at" in query:
        raise UnansweredError(HTTPStatus.BAD_REQUEST, f'"{at}" is not a time: &at=MILLISECONDS')
    with _between_batches(live, resources) as plan:
        lines = [line for one in plan.knowledge for line in one.explain(address, moment)]
        found = any(one.knows(address, moment) for one in plan.knowledge)
    if not lines:
        raise UnansweredError(HTTPStatus.NOT_FOUND, "its pipeline knows nothing about addresses")
    return Explanation(address, found, lines)


class Known(NamedTuple):
    """What a plan knows of a cluster at a moment, by reference.

    `slices`: EndpointSlices, packed, maybe several times. `labels` are those that are derived from
    the cluster, None where nothing derives any; `warnings` says what is not known.
    """

    dump: IndexDump
    slices: Sequence[bytes]
    labels: Sequence[Label] | None
    warnings: Sequence[str]

    def manifests(self) -> Iterator[Manifest]:
        """Each object, past holders of addresses too, and the labels as a FlowCollector.

        They are made one at a time, and share their texts with the index.
        """
        yield from manifests(self.dump)
        yield from map(_reduced, self.endpoints())
        if self.labels is not None:
            yield labelled(self.labels)

    def endpoints(self) -> list[Object]:
        """The EndpointSlices, each once."""
        each = (one for some in self.slices for one in objects.unpacked(some))
        return list({(one.metadata.namespace, one.metadata.name): one for one in each}.values())


def inventory(live: ActivePlan, resources: ResourcePool) -> Inventory:
    """The Kubernetes objects of the plan's index, past holders of addresses too, and its labels.

    A List that is read as an inventory; `warnings` says what is not known. Raises UnansweredError.
    """
    found = known(live, resources)
    items = [msgspec.Raw(msgspec.json.encode(one)) for one in found.manifests()]
    return Inventory(items, list(found.warnings))


def labels(live: ActivePlan, resources: ResourcePool) -> Manifest:
    """All present subnet labels, listed ones too, as a FlowCollector. Raises UnansweredError."""
    with _between_batches(live, resources) as plan:
        return labelled(in_order(plan.knowledge))


def known(live: ActivePlan, resources: ResourcePool) -> Known:
    """What the plan knows of the cluster. Raises UnansweredError."""
    with _between_batches(live, resources) as plan:
        dump = _the_index(plan).dump()
        labels = [one for one in plan.knowledge if isinstance(one, LabelKnowledge)]
        indexes = [one for one in plan.knowledge if isinstance(one, ObjectKnowledge)]
        derived = _distinct([label for one in labels for label in one.derived()])
        warnings = _distinct([text for one in plan.knowledge for text in one.problems()])
    feeds = [one.feed for one in labels if one.feed]
    slices = [  # stages may share an index or a feed
        *map(objects.packed, map(LabelFeed.endpoints, feeds)),
        *map(ObjectKnowledge.endpoints, indexes),
    ]
    told = derived if derived or feeds else None
    return Known(dump, _distinct(slices), told, warnings)


def _reduced(one: Object) -> Manifest:
    whole = msgspec.json.decode(msgspec.json.encode(one))
    return reduced(one.api_version or "", one.kind, whole, annotations=False)


def _the_index(plan: Plan) -> Index:
    """The one index of a plan. Raises UnansweredError where it has none, or several."""
    objects = (one for one in plan.knowledge if isinstance(one, ObjectKnowledge))
    indexes = list({id(one.index): one.index for one in objects}.values())
    if len(indexes) == 1:
        return indexes[0]
    why = "its pipeline looks up no Kubernetes objects"
    if indexes:
        why = f"its pipeline has objects from {len(indexes)} places; an inventory is of one"
    raise UnansweredError(HTTPStatus.NOT_FOUND, why)


def _distinct(items: list[T]) -> list[T]:
    """The items without repetitions: stages may share an index or a feed of labels."""
    return [item for index, item in enumerate(items) if item not in items[:index]]


@contextmanager
def _between_batches(live: ActivePlan, resources: ResourcePool) -> Iterator[Plan]:
    """The plan while no batch is under way, brought up to date even if none comes."""
    if waiting := resources.waiting():
        raise UnansweredError(HTTPStatus.SERVICE_UNAVAILABLE, "; ".join(waiting))
    try:
        with live.batch(patience=_PATIENCE) as plan:
            yield plan
    except TimeoutError as error:
        raise UnansweredError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error


def _positions(positions: Mapping[TopicPartition, int]) -> list[PartitionPosition]:
    return [PartitionPosition(*where, position) for where, position in sorted(positions.items())]
