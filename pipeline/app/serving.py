"""The servers of a job while it runs: the one of /metrics, and the one for probes."""

from __future__ import annotations

import logging
import os
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager

from pipeline.api.answer import Answer
from pipeline.api.probes import Probes
from pipeline.api.server import Server
from pipeline.app.documents import Extra
from pipeline.app.job import Job

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
        try:
            server = servers.enter_context(job.server(listen, extra, files))
        except OSError as error:
            if not job.settings.server.optional:
                raise
            _log.error("the metrics are not served: %s", error)
            yield ""
        else:
            yield server.url


def _probes(job: Job) -> Server:
    """The server for probes; workers of one group count the ports up from the one given."""
    host, port = job.settings.server.health.rsplit(":", 1)
    worker = int(os.environ.get("FLOWMATRIX_WORKER", "0"))
    listen = f"{host}:{int(port) + worker if int(port) else 0}"
    return Server(listen, Probes(lambda _: "", job.not_ready, notes=job.notes))
