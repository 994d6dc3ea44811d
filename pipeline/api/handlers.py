"""What a worker has counted and knows, as plain data, for the JSON that a server answers with."""

from __future__ import annotations

from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from http import HTTPStatus

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
from pipeline.kube.index.index import Index
from pipeline.kube.inventory.export import labelled, manifests
from pipeline.kube.subnets import Described
from pipeline.kube.sync.index import Watch
from pipeline.kube.sync.subnet_labels import LabelFeed
from pipeline.plan.live import ActivePlan
from pipeline.plan.plan import Plan
from pipeline.stage.resources import Resource
from pipeline.state.assignment import Assignment
from pipeline.state.ledger import Ledger, SeriesTable

_PATIENCE = 20.0
"""Seconds to wait for the end of a batch before a question is not answered."""


def series(table: SeriesTable) -> FamilySeries:
    """A family and its series."""
    return FamilySeries(table.family, table.columns, table.series().rows())


def progress(group: Assignment | None) -> Progress:
    """The positions up to which the counts of a worker are durable."""
    return Progress(_positions(group.durable() if group else {}))


def totals(group: Assignment | None, ledger: Ledger) -> Totals:
    """The exact totals of this worker."""
    positions, tables = group.totals() if group else ({}, ledger.tables())
    return Totals(
        _positions(positions), group.topics if group else {}, [series(table) for table in tables]
    )


def who(live: ActivePlan, query: Mapping[str, str]) -> Explanation:
    """What the stages of the plan know about `address`, now or `at` a time (ms): titles and texts.

    Raises UnansweredError.
    """
    address, at = query.get("address", ""), query.get("at", "")
    if not cidr.address(address):
        raise UnansweredError(HTTPStatus.BAD_REQUEST, f'"{address}" is not an address: ?address=IP')
    moment = gotext.parse_integer(at)
    if moment is None and "at" in query:
        raise UnansweredError(HTTPStatus.BAD_REQUEST, f'"{at}" is not a time: &at=MILLISECONDS')
    with _between_batches(live) as plan:
        stages = [node.spec for node in plan.nodes]
        lines = [line for one in stages for line in one.explain(address, moment, plan.env)]
    if not lines:
        raise UnansweredError(HTTPStatus.NOT_FOUND, "its pipeline knows nothing about addresses")
    return Explanation(address, lines)


def inventory(live: ActivePlan) -> Inventory:
    """The Kubernetes objects of the plan's index, past holders of addresses too, and its labels.

    A List that is read as an inventory; `warnings` says what is not known. Raises UnansweredError.
    """
    with _between_batches(live) as plan:
        watches, feeds = plan.env.found(Watch), plan.env.found(LabelFeed)
        read = plan.env.found(Described)
        indexes = [*plan.env.found(Index), *(watch.index for watch in watches)]
        if len(indexes) != 1:
            why = "its pipeline looks up no Kubernetes objects"
            if indexes:
                why = f"its pipeline has objects from {len(indexes)} places; an inventory is of one"
            raise UnansweredError(HTTPStatus.NOT_FOUND, why)
        known = indexes[0].known()
    items = [msgspec.Raw(msgspec.json.encode(one)) for one in manifests(known)]
    labels = [label for one in read for label in one.labels]
    labels += [label for feed in feeds for label in feed.labels()]
    if labels or feeds:
        items.append(msgspec.Raw(msgspec.json.encode(labelled(labels))))
    followed: list[Resource] = [*watches, *feeds]
    warnings = [problem for one in followed for problem in one.problems()]
    return Inventory(items, warnings)


@contextmanager
def _between_batches(live: ActivePlan) -> Iterator[Plan]:
    """The plan while no batch is under way, brought up to date even if none comes."""
    lasting = live.plan.env.lasting
    if lasting and (waiting := lasting.waiting()):
        raise UnansweredError(HTTPStatus.SERVICE_UNAVAILABLE, "; ".join(waiting))
    try:
        with live.batch(_PATIENCE) as plan:
            plan.refresh()
            yield plan
    except TimeoutError as error:
        raise UnansweredError(HTTPStatus.SERVICE_UNAVAILABLE, str(error)) from error


def _positions(positions: Mapping[TopicPartition, int]) -> list[PartitionPosition]:
    return [PartitionPosition(*where, position) for where, position in sorted(positions.items())]
