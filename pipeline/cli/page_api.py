"""The page as a worker or `flowmatrix page` serves it: its files, documents and actions."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from pathlib import Path

import polars as pl

import page
from page import health, recent
from page.about import DESCRIBED, about
from page.documents import documents
from page.health import Health
from page.query import asked
from page.ranges import Ranges
from page.source import Source
from pipeline.api.answer import Answer
from pipeline.api.server import Document
from pipeline.api.static import files
from pipeline.app.documents import Extra
from pipeline.app.job import Job
from pipeline.cli.edge_api import Edges


def page_files() -> Mapping[str, Answer]:
    """What a browser loads, by path."""
    return files(Path(page.__file__).parent / "static")


def page_documents(
    source: Source,
    name: str,
    *,
    flows: Callable[[], pl.DataFrame] | None = None,
    fares: Document | None = None,
) -> dict[str, Extra]:
    """The documents and actions of the page; `name` says what the source is.

    `flows` gives the latest flows, and `fares` the health of workers, where there are any.
    """
    told = about(source, name, flows=flows is not None)
    found = documents(source, Ranges())
    found["about"] = Extra(lambda _: told, DESCRIBED)
    if flows is not None:
        found["flows"] = Extra(
            lambda query: recent.page(flows(), asked(query, recent.Asked)), recent.DESCRIBED
        )
    if fares is not None:
        found["health"] = Extra(fares, health.DESCRIBED)
    return found


def worker_documents(job: Job, source: Edges, name: str) -> dict[str, Extra]:
    """The documents and actions of the page of a worker, which keeps its latest flows from now."""
    job.latest.keep()
    return page_documents(source, name, flows=source.flows, fares=Health(job).page)
