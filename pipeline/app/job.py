"""A configuration made ready to run: plan, ledger, self-metrics, server, runtime."""

from __future__ import annotations

import threading
import time
from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import NamedTuple, Protocol

from pipeline.api import handlers
from pipeline.api.server import Answers, Document, Server
from pipeline.app import restart
from pipeline.app.reloader import Reloader
from pipeline.config.loader import Config, Settings
from pipeline.exposition.self_metrics import Telemetry
from pipeline.exposition.text_format import Exposition
from pipeline.kafka.connection import BrokerError
from pipeline.plan.live import ActivePlan
from pipeline.plan.plan import Plan, compile_plan, report, statuses
from pipeline.runtime.embedded import Embedded, EmbeddedOptions
from pipeline.stage import BuildContext
from pipeline.stage.duration import seconds
from pipeline.stage.resources import ResourcePool
from pipeline.state.assignment import Assignment
from pipeline.state.ledger import Ledger


class Runtime(Protocol):
    """What feeds the plan."""

    @property
    def reason(self) -> str:
        """Why it is not ready; "" when it is."""

    def run(self, advance: Callable[[int], None] = ...) -> None:
        """Run to the end of the input."""

    def stop(self) -> None:
        """End the run after the batch under way."""

    def wait(self) -> None:
        """Return when `stop()` was called."""


class _Compiled(NamedTuple):
    """A plan, and the status of each resource it was made from."""

    plan: Plan
    statuses: list[dict[str, object]]
    env: BuildContext


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
        self.config = config
        self.settings: Settings = settings
        self._recording = recording
        self._lasting = ResourcePool()
        self._stopping = threading.Event()
        self._compiled = self._compile(config)
        self.live = ActivePlan(self._compiled.plan)
        self._lasting.settle()
        self.ledger = Ledger(self.plan.families, settings.limits.max_series)
        self.telemetry = Telemetry(
            self.plan, settings.self_metrics.prefix, process=settings.self_metrics.process
        )
        self.live.on_swap(self._adopt)
        self._report()
        self._idles = any(source.live for source in self.plan.sources)
        self.reloader: Reloader | None = None
        self._exposition = Exposition()
        self.started = False
        letters = settings.dead_letters
        self.group: Assignment | None = None
        if self.subscribes:
            if state or dead_letters or letters.file:
                raise BrokerError(
                    "with Kafka sources, counts and dead letters are kept in topics: "
                    "give dead_letters.topic, and neither a state folder nor a file"
                )
            self.runtime: Runtime = self._worker()
            return
        self.runtime = Embedded(
            self.live,
            self.ledger,
            self.telemetry,
            EmbeddedOptions(
                state=state,
                dead_letters=dead_letters or (Path(letters.file) if letters.file else None),
                max_ratio=letters.max_ratio,
                max_consecutive=letters.max_consecutive,
                checkpoint=seconds(settings.checkpoint.interval),
            ),
        )

    @property
    def subscribes(self) -> bool:
        """Whether a source reads Kafka topics."""
        folder = self.config.folder
        return any(source.subscription(folder) for source in self.plan.sources)

    def _worker(self) -> Runtime:
        from pipeline.runtime import faust  # noqa: PLC0415 - slow, for Kafka alone

        settings = self.settings
        self.group = Assignment(self.plan.families, settings.limits.max_series)
        self.ledger = self.group.shown
        options = faust.WorkerOptions(
            interval=seconds(settings.checkpoint.interval),
            flows=settings.checkpoint.flows,
            dead_letters=settings.dead_letters.topic,
            max_ratio=settings.dead_letters.max_ratio,
            max_consecutive=settings.dead_letters.max_consecutive,
        )
        return faust.worker(self.live, self.group, self.telemetry, options)

    @property
    def plan(self) -> Plan:
        """The plan that runs now."""
        return self.live.plan

    @property
    def statuses(self) -> list[dict[str, object]]:
        """The resources behind the metrics, with their conditions."""
        return self._compiled.statuses

    def reload(self, config: Config) -> None:
        """Let another configuration take over between two batches; returns when it has.

        Raises ConfigError or ValueError, and nothing has changed, when it is not valid or takes
        a restart. For one thread at a time.
        """
        restart.check_same(self.config, config, self._recording)
        self._lasting.begin()
        try:
            compiled = self._compile(config)
        except BaseException:
            self._lasting.revert()
            raise
        self.config, self._compiled = config, compiled
        self.live.swap(compiled.plan)
        self._lasting.settle()
        self._report()

    def fingerprints(self) -> object:
        """What the plan that runs was built from besides the configuration's text, to compare."""
        return [stage.fingerprint(self._compiled.env) for stage in self.config.stages]

    def watch(self, read: Callable[[], Config], stamp: Callable[[], object]) -> Reloader:
        """What reloads this job when its configuration changes; not started yet."""
        self.reloader = Reloader(self, read, stamp)
        return self.reloader

    def close(self) -> None:
        """End what the plan keeps open."""
        self._lasting.close()

    def _compile(self, config: Config) -> _Compiled:
        stages = [restart.replayed(stage, self._recording) for stage in config.stages]
        env = BuildContext(folder=config.folder, stopping=self._stopping, lasting=self._lasting)
        return _Compiled(compile_plan(stages, env), statuses(stages, env), env)

    def _report(self) -> None:
        report(self.config.stages, self._compiled.env)

    def _adopt(self, plan: Plan, unchanged: Collection[str]) -> None:
        (self.group or self.ledger).adopt(
            plan.families, unchanged, self.config.settings.limits.max_series
        )
        self.telemetry.adopt(plan)

    def run(self, advance: Callable[[int], None] = lambda _: None) -> None:
        """Run to the end of the input."""
        self.started = True
        self.runtime.run(advance)

    def exposition(self, names: Collection[str] = ()) -> str:
        """What a scrape shows now, or only the metrics of these names.

        Recorded input does not go idle: nothing of it expires.
        """
        now = time.time() if self._idles else None
        for name, value, labels in self._lasting.self_metrics():
            self.telemetry.set(name, value, *labels)
        return self._show(self._exposition, now, names)

    def final(self) -> str:
        """The exposition at the end of a finite input."""
        now = time.time() if self._idles else None
        return self._show(Exposition(), now)

    def _show(self, exposition: Exposition, now: float | None, names: Collection[str] = ()) -> str:
        tables = self.ledger.tables()
        own = self.telemetry.render(tables, self.ledger.overflowed, now, names)
        asked = [table for table in tables if not names or table.family.name in names]
        return exposition.render(asked, now) + own

    def server(self, listen: str = "") -> Server:
        """The HTTP server of this job, not started yet. Raises OSError."""
        own, folder = self.settings.server, self.config.folder
        answers = Answers(self.exposition, self._not_ready, self._documents(), self.notes)
        files = (str(folder / name) if name else "" for name in (own.tls_cert, own.tls_key))
        return Server(listen or own.listen, answers, *files)

    def _not_ready(self) -> str:
        if not self.started:
            return "the sources are not open yet"
        return "; ".join(filter(None, [self.runtime.reason, *self._lasting.waiting()]))

    def notes(self) -> Mapping[str, object]:
        """What /readyz says besides whether it is ready."""
        notes = self.reloader.notes() if self.reloader else {}
        problems = self._lasting.problems()
        return {**notes, "cluster": problems} if problems else notes

    def _documents(self) -> Mapping[str, Document]:
        return {
            "flowmetrics": lambda _: self.statuses,
            "series": lambda _: [handlers.series(table) for table in self.ledger.tables()],
            "totals": lambda _: handlers.totals(self.group, self.ledger),
            "progress": lambda _: handlers.progress(self.group),
            "who": lambda query: handlers.who(self.live, query),
            "inventory": lambda _: handlers.inventory(self.live),
        }
