"""`run`: a pipeline on a file or standard input."""

from __future__ import annotations

import gc
import signal
import sys
from collections.abc import Sequence
from pathlib import Path
from types import FrameType
from typing import Annotated

import typer

from pipeline import config
from pipeline.api.answer import Answer
from pipeline.app.job import Job, Runtime
from pipeline.app.outputs import letters_file, require_unread
from pipeline.app.reloader import Reloader
from pipeline.app.serving import serving
from pipeline.cli.app import ConfigFile, app, fail, load, say
from pipeline.cli.drift_watch import DriftWatch
from pipeline.cli.edge_api import Edges, documents
from pipeline.cli.logs import log_from
from pipeline.cli.progress import progress
from pipeline.config.settings import ServerSettings
from pipeline.dead_letters.limit import TooManyDeadLettersError
from pipeline.files import is_folder, write
from pipeline.kafka.connection import BrokerError
from pipeline.kube.api.errors import ConnectError
from pipeline.runtime.failure import WorkerError
from pipeline.runtime.supervisor import Supervisor, addresses
from pipeline.stage.fingerprint import fingerprints
from pipeline.state.checkpoint_file import CheckpointError

ENDINGS = (
    *(CheckpointError, BrokerError, TooManyDeadLettersError, WorkerError),
    *(OSError, ValueError, ImportError),
)
"""What ends a run, with its reason, exit status 1, and no traceback."""
_STDOUT = Path("-")
_SHARE = 50
"""For a page, edges are made again after so many times as long as that takes: 2 % of a core."""


def _address(listen: str) -> str:
    """The option --listen, checked."""
    try:
        _ = ServerSettings(listen=listen).address
    except ValueError as error:
        if listen:
            raise typer.BadParameter(str(error)) from None
    return listen


def _writable(file: Path | None) -> Path | None:
    """The option --metrics-out, checked: a long run would end in vain."""
    if file and is_folder(file):
        raise typer.BadParameter(f"{file} is a folder, not a file")
    if file and not is_folder(file.parent):
        raise typer.BadParameter(f"no folder {file.parent}")
    return file


@app.command()
def run(
    path: ConfigFile,
    once: Annotated[bool, typer.Option("--once", help="End with the input; no server.")] = False,
    metrics_out: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE",
            help="Write the final exposition here (- for stdout).",
            callback=_writable,
        ),
    ] = None,
    dead_letters: Annotated[
        Path | None, typer.Option(metavar="FILE", help="Write what is rejected here.")
    ] = None,
    state: Annotated[
        Path | None, typer.Option(metavar="DIR", help="Keep the counts here across runs.")
    ] = None,
    strict: Annotated[
        bool, typer.Option("--strict", help="Exit 1 when a message or a flow was rejected.")
    ] = False,
    listen: Annotated[
        str,
        typer.Option(
            metavar="HOST:PORT",
            help="Serve /metrics here instead.",
            callback=_address,
        ),
    ] = "",
    recording: Annotated[
        Path | None,
        typer.Option("--input", metavar="FILE", help="Read this recording instead of the source."),
    ] = None,
    workers: Annotated[
        int, typer.Option(min=1, metavar="N", help="Processes of one Kafka group.")
    ] = 1,
    page: Annotated[
        bool, typer.Option("--page", help="Serve the page, too: the matrix in a browser.")
    ] = False,
) -> None:
    """Run a pipeline and serve its metrics.

    /metrics, /healthz and /readyz are served until Ctrl-C. With --once the input is read to its
    end, the final exposition goes to --metrics-out and nothing is served. What is rejected goes to
    --dead-letters, each with its reason. At the end of the input a line on stderr says how much was
    read, counted, filtered and rejected, and why; a source of nothing but rejects exits with 1, as
    does any reject with --strict. With --state, a run that was killed goes on where its counts end:
    no flow is counted twice. A metric that is new, or has changed since, is counted from the start
    of the input; where that is not the whole input any more, the run is refused with what to do.

    With Kafka sources it is a member of a consumer group, and counts, dead letters and positions
    are kept in topics. --workers starts several members, each with a server of its own on the
    ports from that of --listen on, and starts those again that are killed.

    When the configuration or a file it names changes, and on SIGHUP, it is read again and takes
    over between two batches; metrics that did not change go on counting. A configuration that is
    not valid is refused, /readyz says why, and the old one runs on.
    """
    loaded = load(path)
    log_from(loaded.settings.log_level)
    try:
        metrics = None if metrics_out == _STDOUT else metrics_out
        require_unread(loaded, recording, metrics, letters_file(loaded, dead_letters), state=state)
        job = Job(loaded, recording=recording, state=state, dead_letters=dead_letters)
    except (ConnectError, BrokerError, OSError, ImportError) as error:
        fail(error)
    endless = [source.name for source in job.plan.sources if source.endless]
    if workers > 1 or (once and endless):
        job.close()
        if once and endless:
            message = f'--once: the input of stage "{endless[0]}" has no end; --input FILE has one'
            raise typer.BadParameter(message)
        if not job.subscribes:
            raise typer.BadParameter("--workers is for Kafka sources")
        listens = _listens(listen or loaded.settings.server.listen, workers)
        raise typer.Exit(_supervise(path, listens, ["--page"] if page else []))
    spare_collector()
    try:
        if once:
            stop_on_signals(job.runtime)
            advance(job)
        else:
            with job.watch(lambda: config.load(path), lambda: fingerprints([path])) as reloader:
                _reload_on_hangup(reloader)
                serve(job, listen, path, page=page)
    except ENDINGS as error:
        fail(error)
    finally:
        job.close()
    if once:
        conclude(job)
        _name_uncounted(job)
    if metrics_out == _STDOUT:
        sys.stdout.write(job.exposer.final())
    elif metrics_out:
        _write(metrics_out, job.exposer.final())
    judge(job, strict=strict)


def _write(path: Path, text: str) -> None:
    try:
        write(path, text)
    except OSError as error:
        fail(error)


def conclude(job: Job) -> None:
    """Say what became of the messages of an input that has ended."""
    if not job.subscribes:
        say(str(job.telemetry.account(job.plan)))


def judge(job: Job, *, strict: bool = False) -> None:
    """Exit 1 when all that a source gave was rejected, or something was and the run is strict.

    A run that goes on from a state may well read nothing but a line that is not finished yet, and
    a topic has no end: a worker that is stopped has done what it was told.
    """
    if job.subscribes:
        return
    account = job.telemetry.account(job.plan)
    everything = account.nothing_else and not any(table.size for table in job.counts.tables())
    vain = job.telemetry.by_source.in_vain(job.plan)
    if everything or vain:
        for problem in job.telemetry.rejecting().values():
            say(problem)
        which = "" if everything else f" of {', '.join(vain)}"
        fail(f"everything that was read{which} was rejected: is this the decoder, is it this file?")
    if strict and account.all_rejects:
        fail(f"{account.all_rejects} were rejected, and the run is strict")


def spare_collector() -> None:
    """Have the collector of cycles look less often.

    Records come and go by ten thousands, and it would look at each and find nothing, at 0.5 us a
    record; and what the start has made will stay.
    """
    gc.freeze()
    gc.set_threshold(50_000, 20, 20)


def _name_uncounted(job: Job) -> None:
    """Say which metrics no flow came to: a filter or a field name may be wrong."""
    names = [table.family.name for table in job.counts.tables() if not table.size]
    if names:
        say(f"warning: metrics no flow was counted in: {', '.join(names)}")


def _supervise(path: Path, listens: Sequence[str], options: Sequence[str]) -> int:
    commands = [["run", str(path), "--listen", listen, *options] for listen in listens]
    supervisor = Supervisor(commands)
    supervisor.on_signals()
    return supervisor.run()


def serve(job: Job, listen: str = "", pipeline: Path | None = None, *, page: bool = False) -> None:
    """Run, and serve the metrics until the job is stopped. Raises OSError.

    `pipeline` is the file of its configuration; `page` serves the page whatever that says.
    """
    stop_on_signals(job.runtime)
    page = page or job.settings.server.page
    edges = Edges(job, pipeline, share=_SHARE if page else 0)
    extra, files = documents(edges), dict[str, Answer]()
    if page:
        from page.rehearsal import rehearse  # noqa: PLC0415 - slow, for the page alone
        from pipeline.cli import page_api  # noqa: PLC0415 - the same

        rehearse()
        name = "a worker of a group" if job.subscribes else "a worker"
        extra |= page_api.worker_documents(job, edges, f"{name}: {pipeline or 'a pipeline'}")
        files |= page_api.page_files()
    with serving(job, listen, extra, files) as url, DriftWatch(job, edges):
        if url:
            typer.echo(f"serving {url}/metrics until Ctrl-C", err=True)
        if url and page:
            typer.echo(f"the page is at {url}/page/", err=True)
        if not job.started:
            advance(job)
            conclude(job)
        job.runtime.wait()


def _listens(listen: str, workers: int) -> list[str]:
    try:
        return addresses(listen, workers)
    except ValueError as error:
        raise typer.BadParameter(f"--workers: {error}") from None


def advance(job: Job) -> None:
    """Run to the end of the input, with a progress bar where someone looks."""
    with progress() as tell:
        job.run(tell)


def _reload_on_hangup(reloader: Reloader) -> None:
    signal.signal(signal.SIGHUP, lambda _number, _frame: reloader.wake())


def stop_on_signals(runtime: Runtime) -> None:
    """Let SIGTERM and Ctrl-C end the run in order; the second one ends it at once."""

    def stop(number: int, _frame: FrameType | None) -> None:
        runtime.stop()
        signal.signal(number, signal.SIG_DFL)

    signal.signal(signal.SIGTERM, stop)
    signal.signal(signal.SIGINT, stop)
