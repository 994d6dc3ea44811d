"""The edges of a running worker: what the page is about, and /api/v0/edges."""

from __future__ import annotations

import time
from collections.abc import Iterable, Iterator, Mapping, Sequence
from http import HTTPStatus
from pathlib import Path
from threading import Lock

import polars as pl

from discovery.asked import questions
from matrix.edge_page import DESCRIBED, EdgePage, page
from matrix.facts import NoFactsError
from matrix.objects import Objects
from page.answers import OLDEST
from page.source import Seen, Source
from pipeline.api.handlers import Known
from pipeline.api.server import UnansweredError
from pipeline.app.documents import Extra
from pipeline.app.job import Job
from pipeline.cli.sighting import Sighting, objects_of, sighting, told
from pipeline.flows.compressed import Compressed
from pipeline.heap import give_back
from pipeline.kube.inventory.export import Manifest
from pipeline.kube.subnets import Label
from pipeline.plan.plan import Plan
from pipeline.state.count_store import facts as facts_of


class _Manifests:
    """The manifests of what is known of a cluster, made anew whenever somebody goes through them.

    `known` gives way to an equal one, so that nothing stays of an index that was read again.
    """

    def __init__(self, known: Known | None) -> None:
        self.known = known

    def __iter__(self) -> Iterator[Manifest]:
        return self.known.manifests() if self.known else iter(())


class Edges:
    """What a job has seen, made from its facts when these have changed: the source of its page.

    In a consumer group it is what the partitions hold that this worker owns. `pipeline` is the file
    of its configuration. With a `share`, they are made again no sooner than after so many times as
    long as that takes, or a minute; at once where the pipeline is another one.
    """

    def __init__(self, job: Job, pipeline: Path | None = None, share: int = 0) -> None:
        folder, approved = job.config.folder, job.settings.matrix.approved
        self.approved = folder / approved if approved else None
        self.pipeline = pipeline
        self.metrics = _metrics(job)
        self._job, self._share = job, share
        self._lock = Lock()
        self._plan: Plan | None = None
        self._seen: Seen | None = None
        self._state: object = None
        self._next = 0.0
        self._manifests = _Manifests(None)
        self._objects: Objects | None = None

    def read(self) -> Seen:
        """What was seen, the same again while no fact, object or label has changed.

        Raises NoFactsError.
        """
        with self._lock:
            begun, plan = time.monotonic(), self._job.plan
            if self._seen is None or begun >= self._next or plan is not self._plan:
                self._seen, self._plan = self._renewed(plan), plan
                self._next = begun + min(self._share * (time.monotonic() - begun), OLDEST)
            return self._seen

    def flows(self) -> pl.DataFrame:
        """The latest flows, enriched."""
        return self._job.latest.flows().frame()

    def _renewed(self, plan: Plan) -> Seen:
        """What was seen until now."""
        found = facts_of(self._job.counts)
        cluster, labels = told(self._job)
        state = plan, labels, _digest(found)
        if cluster == self._manifests.known:
            self._manifests.known = cluster
            if self._seen is not None and state == self._state:
                return self._seen
        else:
            self._manifests = _Manifests(cluster)
            self._objects = objects_of(cluster) if cluster else None
        one = seen(sighting(found, self._objects, labels), self._manifests, labels)
        positions, topics, _ = self._job.counts.totals()
        self._state = state
        give_back()
        return one._replace(whole=len(positions) == sum(topics.values()))


def seen(sighted: Sighting | None, manifests: Iterable[Manifest], labels: Sequence[Label]) -> Seen:
    """What the page shows of a sighting. Raises NoFactsError."""
    if sighted is None:
        raise NoFactsError("no edges are counted: add a stage of type encode_matrix")
    asked = questions(sighted.facts.attributes)
    return Seen(Compressed(sighted.edges()), asked, sighted.facts.beyond, manifests, labels)


def documents(source: Source) -> dict[str, Extra]:
    """The documents about edges, by name."""

    def answer(query: Mapping[str, str]) -> EdgePage:
        try:
            read = source.read()
            return page(read.edges(), read.beyond, query)
        except NoFactsError as error:
            raise UnansweredError(HTTPStatus.NOT_FOUND, str(error)) from error
        except ValueError as error:
            raise UnansweredError(HTTPStatus.BAD_REQUEST, str(error)) from error

    return {"edges": Extra(answer, DESCRIBED)}


def _metrics(job: Job) -> Path | None:
    """The folder whose FlowMetrics a stage counts."""
    named = [name for stage in job.config.stages for name in getattr(stage, "files", ())]
    folders = [job.config.folder / name for name in named]
    return next((folder for folder in folders if folder.is_dir()), None)


def _digest(found: Mapping[str, pl.DataFrame]) -> object:
    """A value that is equal for equal facts, and small."""
    return {name: (frame.height, frame.hash_rows().sum()) for name, frame in found.items()}
