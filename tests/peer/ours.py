"""This engine on a pipeline and flows, in this process."""

from __future__ import annotations

import io
import re
from contextlib import closing, redirect_stdout
from pathlib import Path

from pipeline.app.job import Job
from pipeline.config import loader
from pipeline.config.flp import arguments
from pipeline.diagnostics import ConfigError
from tests.peer.feeds import Feed
from tests.peer.original import OWN
from tests.peer.outcome import Outcome, printed_records
from tests.peer.pipelines import Pipeline
from tests.support.outcomes import samples

_KEEP = re.compile(f"^(?!{OWN})")


def ours(pipeline: Pipeline, feed: Feed, folder: Path) -> Outcome:
    """What this engine makes of flows."""
    source = feed.recorded(folder)
    settings = f'{{"prefix": "{OWN}", "suppressDefaultMetrics": true}}'
    texts = pipeline.texts(source) | {"metricsSettings": settings}
    try:
        config = loader.of(arguments.assembled(None, texts), folder)
        with redirect_stdout(io.StringIO()) as printed, closing(Job(config)) as job:
            job.run()
            exposed = job.exposer.final()
    except ConfigError as error:
        return Outcome(refused=str(error))
    return Outcome(samples=samples(exposed, _KEEP), records=printed_records(printed.getvalue()))
