"""`page`: the flow matrix in a browser, of workers, a state or a recording."""

from __future__ import annotations

import signal
import threading
from collections.abc import Iterator, Mapping, Sequence
from contextlib import contextmanager
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from pipeline.api.access import Access
from pipeline.api.server import Answers, Server
from pipeline.app.documents import Extra, actions, alone
from pipeline.app.job import Job
from pipeline.cli import flow_files
from pipeline.cli import matrix_options as options
from pipeline.cli.app import app, fail, require_end, say
from pipeline.cli.edge_api import Edges
from pipeline.cli.flow_edges import FlowEdges
from pipeline.cli.kept_flows import kept_by, kept_in
from pipeline.cli.page_api import page_documents, page_files, worker_documents
from pipeline.cli.page_workers import Workers
from pipeline.cli.polled import Polled
from pipeline.cli.run import advance, conclude
from pipeline.cli.series import Origin, only_read
from pipeline.cli.standard_input import piped
from pipeline.config.settings import ServerSettings
from pipeline.files import is_file, is_folder


def _address(listen: str) -> str:
    try:
        _ = ServerSettings(listen=listen).address
    except ValueError as error:
        raise typer.BadParameter(str(error)) from None
    return listen


@app.command("page")
def page_(
    paths: Annotated[
        list[Path] | None,
        typer.Argument(
            metavar="FILES",
            help="A pipeline, to run on its input; a recording; or Parquet files and folders of "
            "them; - is standard input.",
            callback=lambda context, paths: [piped(context, one) for one in paths or ()],
        ),
    ] = None,
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

    Give one of FILES, --state and --server. Of the workers of a group, give each: they are merged
    exactly, and asked again while somebody looks. A state is read again when a run has changed it.
    A recording or a pipeline with an end is run once. Of the flows that a stage write_parquet
    keeps, or of several recordings, the edges are counted, and single flows are found in them.
    Nothing is loaded from elsewhere.

    A worker serves the page by itself with `run --page`. Callers of other machines are admitted by
    a token alone, which browsers ask for as a password; without one, only those of this machine.
    """
    files = _files(paths or [], [recording, state, server])
    origin = Origin(
        path=None if files else next(iter(paths or []), None),
        recording=recording,
        inventory=inventory,
        state=state,
        servers=server or (),
    )
    if not files:
        origin.check()
    if state and not is_folder(state):
        raise typer.BadParameter(f'no folder "{state}" with a state')
    if approved and not is_file(approved):
        raise typer.BadParameter(f'no file "{approved}": `matrix approve` prints one')
    if admit and not is_file(admit):
        raise typer.BadParameter(f'no file "{admit}" with a token')
    try:
        with (
            _of_files(files, approved, inventory)
            if files
            else _documents(origin, approved) as found
        ):
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


def _files(paths: Sequence[Path], others: Sequence[object]) -> Sequence[Path]:
    """The paths, where they are files of flows that go through no pipeline."""
    several = len(paths) > 1
    if not several and not any(is_folder(one) or _is_parquet(one) for one in paths):
        return []
    if any(others):
        raise typer.BadParameter("Parquet files and several files are shown by themselves")
    return paths


def _is_parquet(path: Path) -> bool:
    return is_file(path) and flow_files.is_parquet(path)


@contextmanager
def _of_files(
    paths: Sequence[Path], approved: Path | None, inventory: Path | None
) -> Iterator[Mapping[str, Extra]]:
    """The documents and actions about the flows of files. Raises OSError and ValueError."""
    source, kept = FlowEdges(paths, approved, inventory), kept_in(paths)
    source.read(lambda path: say(f"counting {path}"))
    if source.rejected:
        say(f"warning: {source.rejected:,} flows were rejected: their counts are not numbers")
    about = ", ".join(map(str, paths))
    yield page_documents(source, about, files=kept.page)


@contextmanager
def _documents(origin: Origin, approved: Path | None) -> Iterator[Mapping[str, Extra]]:
    """What the page is about, as documents and actions."""
    if origin.servers or origin.state:
        about = ", ".join(origin.servers) or f"the state in {origin.state}"
        if not origin.servers:
            yield page_documents(Polled(origin, approved), about)
            return
        workers = Workers(origin.servers)
        source = Polled(origin, approved, workers.frame)
        yield page_documents(source, about, latest=workers.flows, fares=workers.health)
        return
    config, recording = origin.configured()
    require_end(config, recording)
    job = Job(only_read(config), recording=recording)
    try:
        edges = Edges(job, origin.pipeline)
        edges.approved = approved or edges.approved
        about = str(origin.path or origin.recording)
        read = recording or (None if origin.pipeline else origin.path or origin.recording)
        files = kept_in([read]) if read else kept_by(config)
        found = worker_documents(job, edges, about, files)
        advance(job)
        conclude(job)
        yield found
    finally:
        job.close()
