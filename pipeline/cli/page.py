"""`page`: the flow matrix in a browser, of workers, a state or a recording."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import msgspec
import typer

from page.health import HealthPage, WorkerHealth
from pipeline.api import client
from pipeline.api.access import Access
from pipeline.api.remote import RemoteError
from pipeline.api.server import Answers, Server
from pipeline.app.documents import Extra, actions, alone
from pipeline.app.job import Job
from pipeline.cli import matrix_options as options
from pipeline.cli.app import app, fail, require_end, say
from pipeline.cli.edge_api import Edges, documents
from pipeline.cli.page_api import page_documents, page_files, worker_documents
from pipeline.cli.polled import Polled
from pipeline.cli.run import advance, conclude
from pipeline.cli.series import Origin
from pipeline.config.settings import ServerSettings
from pipeline.files import is_file


def _address(listen: str) -> str:
    try:
        _ = ServerSettings(listen=listen).address
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return listen


@app.command("page")
def page_(
    path: options.File = None,
    recording: options.Input = None,
    inventory: options.Inventory = None,
    state: options.State = None,
    server: options.Server = None,
    approved: Annotated[
        Path | None,
        typer.Option(metavar="FILE", help="The approved matrix; it is written when you approve."),
    ] = None,
    listen: Annotated[
        str, typer.Option(metavar="HOST:PORT", help="Serve it here.", callback=_address)
    ] = "127.0.0.1:9480",
    admit: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Admit callers of other machines who have this token, as a password.",
        ),
    ] = None,
) -> None:
    """Serve the page: the flow matrix in a browser.

    Give one of FILE, --state and --server. Of the workers of a group, give each: they are merged
    exactly, and asked again while somebody looks. A state is read again when a run has changed it.
    A recording or a pipeline with an end is run once. Nothing is loaded from elsewhere.

    A worker serves the page by itself with `run --page`. Callers of other machines are admitted by
    a token alone, which browsers ask for as a password; without one, only those of this machine.
    """
    origin = Origin(
        path=path, recording=recording, inventory=inventory, state=state, servers=server or ()
    )
    origin.check()
    if approved and not is_file(approved):
        raise typer.BadParameter(f'no file "{approved}": `matrix approve` prints one')
    if admit and not is_file(admit):
        raise typer.BadParameter(f'no file "{admit}" with a token')
    try:
        with _documents(origin, approved) as found:
            made = actions(found)
            answers = Answers(lambda _: "", str, alone(found), actions=made, files=page_files())
            with Server(listen, answers, access=Access(admit)) as running:
                say(f"the page is at {running.url}/page/ until Ctrl-C")
                _wait()
    except (OSError, ValueError) as error:
        fail(error)


def _wait() -> None:
    """Return at a signal to end; another one ends at once."""
    end = threading.Event()

    def stop(number: int, _frame: FrameType | None) -> None:
        end.set()
        signal.signal(number, signal.SIG_DFL)

    for number in (signal.SIGTERM, signal.SIGINT):
        signal.signal(number, stop)
    end.wait()


@contextmanager
def _documents(origin: Origin, approved: Path | None) -> Iterator[Mapping[str, Extra]]:
    """What the page is about, as documents and actions."""
    if origin.servers or origin.state:
        source = Polled(origin, approved)
        about = ", ".join(origin.servers) or f"the state in {origin.state}"
        fares = _Fares(origin.servers).page if origin.servers else None
        yield page_documents(source, about, fares=fares) | documents(source)
        return
    config, recording = origin.configured()
    require_end(config, recording)
    job = Job(config, recording=recording)
    try:
        edges = Edges(job, origin.pipeline)
        edges.approved = approved or edges.approved
        about = str(origin.path or origin.recording)
        found = worker_documents(job, edges, about) | documents(edges)
        advance(job)
        conclude(job)
        yield found
    finally:
        job.close()


class _Fares:
    """The health of workers, each asked for its own."""

    def __init__(self, servers: Sequence[str]) -> None:
        self._servers = servers

    def page(self, _: Mapping[str, str]) -> HealthPage:
        """The health of all that answer with it; a worker without a page has none to tell."""
        found = []
        for server in self._servers:
            try:
                asked = client.document(server, "health", HealthPage)
            except RemoteError as error:
                found.append(WorkerHealth(worker=server, reason=str(error)))
            else:
                found += [msgspec.structs.replace(one, worker=server) for one in asked.workers]
        return HealthPage(found)
