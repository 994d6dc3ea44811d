"""A configuration made ready to run: plan, ledger, self-metrics, server, runtime."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from pathlib import Path

import msgspec

from pipeline.config import Config, Settings
from pipeline.exposition import Exposition
from pipeline.ledger import FIRST_SEEN, LAST_SEEN, Ledger, Table, value_columns
from pipeline.plan import Plan, compile_plan, statuses
from pipeline.runtime.embedded import Embedded, Options
from pipeline.runtime.http import Answers, Server
from pipeline.stage import Env, Source, Spec
from pipeline.telemetry import Telemetry


class Job:
    """Everything one `run` needs; `serve()` and `run()` start its parts.

    `recording` replaces every source by that file, with the source's own decoder.
    """

    def __init__(
        self,
        config: Config,
        *,
        recording: Path | None = None,
        state: Path | None = None,
        dead_letters: Path | None = None,
    ) -> None:
        settings = config.settings
        stages = [replayed(stage, recording) for stage in config.stages]
        env = Env(folder=config.folder)
        self.settings: Settings = settings
        self.statuses = statuses(stages, env)
        self.plan: Plan = compile_plan(stages, env)
        self.ledger = Ledger(self.plan.families, settings.limits.max_series)
        self.telemetry = Telemetry(
            self.plan, settings.self_metrics.prefix, process=settings.self_metrics.process
        )
        self._live = any(source.live for source in self.plan.sources)
        self._exposition = Exposition()
        self.started = False
        letters = settings.dead_letters
        self.runtime = Embedded(
            self.plan,
            self.ledger,
            self.telemetry,
            Options(
                state=state,
                dead_letters=dead_letters or (Path(letters.file) if letters.file else None),
                max_ratio=letters.max_ratio,
                max_consecutive=letters.max_consecutive,
            ),
        )

    def run(self, advance: Callable[[int], None] = lambda _: None) -> None:
        """Run to the end of the input."""
        self.started = True
        self.runtime.run(advance)

    def exposition(self) -> str:
        """What a scrape shows now. Recorded input does not go idle: nothing of it expires."""
        now = time.time() if self._live else None
        own = self.telemetry.render(self.ledger, now)
        return self._exposition.render(self.ledger.tables(), now) + own

    def final(self) -> str:
        """The exposition at the end of a finite input."""
        now = time.time() if self._live else None
        text = Exposition().render(self.ledger.tables(), now)
        return text + self.telemetry.render(self.ledger, now)

    def server(self, listen: str = "") -> Server:
        """The HTTP server of this job, not started yet. Raises OSError."""
        own = self.settings.server
        answers = Answers(self.exposition, self._not_ready, self._documents())
        return Server(listen or own.listen, answers, own.tls_cert, own.tls_key)

    def _not_ready(self) -> str:
        return "" if self.started else "the sources are not open yet"

    def _documents(self) -> Mapping[str, Callable[[], object]]:
        return {
            "flowmetrics": lambda: self.statuses,
            "series": lambda: [series_document(table) for table in self.ledger.tables()],
        }


def replayed(stage: Spec, recording: Path | None) -> Spec:
    """A source with its messages taken from a recording instead, any other stage as it is."""
    if recording is None or not isinstance(stage, Source):
        return stage
    return stage.replay(recording)


def series_document(table: Table) -> dict[str, object]:
    """A family and its series as plain data, for JSON."""
    columns = [*table.labels, *value_columns(table.family), FIRST_SEEN, LAST_SEEN]
    return {
        "family": msgspec.to_builtins(table.family),
        "columns": columns,
        "rows": table.series().select(columns).rows(),
    }
