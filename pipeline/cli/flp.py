"""`flp`: a process as flowlogs-pipeline is one, for what starts that."""

from __future__ import annotations

from pathlib import Path
from typing import Annotated

import typer

from pipeline.app.job import Job
from pipeline.app.serving import serving
from pipeline.cli.app import accepted, app, fail, say
from pipeline.cli.flp_options import Drop, given
from pipeline.cli.logs import log_from
from pipeline.cli.run import ENDINGS, advance, conclude, judge, spare_collector, stop_on_signals
from pipeline.config import loader
from pipeline.config.flp import arguments
from pipeline.config.loader import Config
from pipeline.kafka.connection import BrokerError
from pipeline.kube.api.errors import ConnectError
from pipeline.stage.fingerprint import fingerprints


@app.command(cls=Drop)
def flp(
    ctx: typer.Context,
    config: Annotated[
        Path | None,
        typer.Option(
            metavar="FILE", help="YAML, JSON or TOML; ~/.flowlogs-pipeline.* if not given."
        ),
    ] = None,
) -> None:
    """Run a pipeline by the command line of flowlogs-pipeline.

    Each option is one of the original. It takes the place of what the file says, and so does a
    variable of the environment, FLOWLOGS-PIPELINE_PARAMETERS say. Relative names of files are under
    the working directory. /metrics is served while the pipeline runs, which ends with its input.
    """
    texts = given(ctx)
    file = config or arguments.default_file(Path.home())

    def read() -> Config:
        return loader.of(arguments.assembled(file, texts), Path())

    loaded = accepted(read)
    log_from(loaded.settings.log_level)
    try:
        job = Job(loaded)
    except (ConnectError, BrokerError, OSError, ImportError) as error:
        fail(error)
    spare_collector()
    stop_on_signals(job.runtime)
    files = [file] if file else []
    try:
        with job.watch(read, lambda: fingerprints(files)), serving(job) as url:
            if url:
                say(f"serving {url}/metrics until the input ends")
            advance(job)
    except ENDINGS as error:
        fail(error)
    finally:
        job.close()
    conclude(job)
    judge(job)
