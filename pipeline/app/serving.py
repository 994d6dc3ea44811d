"""The servers of a job while it runs: the one of /metrics, and the one for probes."""

from __future__ import annotations

import logging
import os
from collections.abc import Callable, Iterator, Mapping
from contextlib import ExitStack, contextmanager
from functools import partial

from pipeline.api.answer import Answer
from pipeline.api.probes import Probes
from pipeline.api.server import Answers, Server
from pipeline.app.documents import Extra
from pipeline.app.job import Job
from pipeline.config.settings import MetricServer

_log = logging.getLogger(__name__)


@contextmanager
def serving(
    job: Job,
    listen: str = "",
    extra: Mapping[str, Extra] | None = None,
    files: Mapping[str, Answer] | None = None,
) -> Iterator[str]:
    """The URL of the server of /metrics, "" where the settings let the job run without one.

    The arguments are those of `Job.server`. Raises OSError when an address is taken.
    """
    with ExitStack() as servers:
        if job.settings.server.health:
            servers.enter_context(_probes(job))
        for own in job.settings.metric_servers:
            _begun(job, servers, partial(_metrics, job, own))
        yield _begun(job, servers, partial(job.server, listen, extra, files))


def _begun(job: Job, servers: ExitStack, make: Callable[[], Server]) -> str:
    """The URL of a server of metrics; "" where it cannot listen and need not. Raises OSError."""
    try:
        return servers.enter_context(make()).url
    except OSError as error:
        if not job.settings.server.optional:
            raise
        _log.error("the metrics are not served: %s", error)
        return ""


def _probes(job: Job) -> Server:
    """The server for probes."""
    answers = Probes(lambda _: "", job.not_ready, notes=job.notes)
    return Server(_of_worker(job.settings.server.health), answers)


def _metrics(job: Job, own: MetricServer) -> Server:
    """A server of the metrics of some stages."""
    answers = Answers(partial(job.exposer.parts_of, own.stages), job.not_ready, notes=job.notes)
    folder = job.config.folder
    cert, key = (str(folder / name) if name else "" for name in (own.tls_cert, own.tls_key))
    return Server(_of_worker(own.listen), answers, cert, key)


def _of_worker(listen: str) -> str:
    """The address for this worker: those of one group count the ports up from the one given."""
    host, port = listen.rsplit(":", 1)
    worker = int(os.environ.get("FLOWMATRIX_WORKER", "0"))
    return f"{host}:{int(port) + worker if int(port) else 0}"
