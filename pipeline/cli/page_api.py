"""The page as a worker or `flowmatrix page` serves it: its files, documents and actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from http import HTTPStatus
from pathlib import Path

import page
from page import health, recent
from page.about import DESCRIBED, about
from page.documents import documents
from page.health import Health
from page.query import asked, refused
from page.ranges import Ranges
from page.recent import Asked, Of, Pages
from page.source import Source
from pipeline.api.answer import Answer
from pipeline.api.server import Document
from pipeline.api.static import files
from pipeline.app.documents import Extra
from pipeline.app.job import Job
from pipeline.cli.edge_api import Edges
from pipeline.cli.kept_flows import KeptFlows, kept_by

Flows = Callable[[Asked], object]
"""Gives the page of flows that is asked for (`page.recent.FlowsPage`)."""


def page_files() -> Mapping[str, Answer]:
    """What a browser loads, by path."""
    return files(Path(page.__file__).parent / "static")


def page_documents(
    source: Source,
    name: str,
    *,
    latest: Flows | None = None,
    files: Flows | None = None,
    fares: Document | None = None,
) -> dict[str, Extra]:
    """The documents and actions of the page; `name` says what the source is.

    `latest` gives the latest flows, `files` those of files, and `fares` the health of workers,
    where there are any.
    """
    told = about(source, name, flows=latest is not None, files=files is not None)
    found = documents(source, Ranges())
    found["about"] = Extra(lambda _: told, DESCRIBED)
    kinds = {Of.LATEST: latest, Of.FILES: files}
    if latest or files:
        found["flows"] = Extra(lambda query: _flows(query, kinds), recent.DESCRIBED)
    if fares is not None:
        found["health"] = Extra(fares, health.DESCRIBED)
    return found


def _flows(query: Mapping[str, str], kinds: Mapping[Of, Flows | None]) -> object:
    """The flows that are asked for. Raises UnansweredError."""
    question = asked(query, recent.Asked)
    give = kinds[question.of]
    if give is None:
        others = ", ".join(f"of={of}" for of, one in kinds.items() if one)
        raise refused(f"of: there are no such flows here, but {others}", HTTPStatus.NOT_FOUND)
    return give(question)


def worker_documents(
    job: Job, source: Edges, name: str, files: KeptFlows | None = None
) -> dict[str, Extra]:
    """The documents and actions of the page of a worker, which keeps its latest flows from now.

    `files` are flows that are shown too, by default those that its pipeline keeps in files.
    """
    job.latest.keep()
    kept = files or kept_by(job.config)
    return page_documents(
        source,
        name,
        latest=Pages(job.latest.flows).page,
        files=kept.page if kept else None,
        fares=Health(job).page,
    )
