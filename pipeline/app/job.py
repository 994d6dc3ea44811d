"""A configuration made ready to run: its plan, counts, self-metrics, server and runtime."""

from __future__ import annotations

from collections.abc import Callable, Collection, Mapping
from pathlib import Path
from typing import Protocol

from pipeline import limits
from pipeline.api.access import Access
from pipeline.api.answer import Answer
from pipeline.api.server import Answers, Server
from pipeline.app import restart
from pipeline.app.documents import Extra, actions, documents
from pipeline.app.exposer import Exposer
from pipeline.app.latest import LatestFlows, view
from pipeline.app.metric_push import MetricPush
from pipeline.app.outputs import letters_file, require_unread
from pipeline.app.reloader import Reloader
from pipeline.config.loader import Config, Settings
from pipeline.exposition.self_metrics import Telemetry
from pipeline.files import warn_if_open
from pipeline.kafka.connection import BrokerError
from pipeline.kube.sync.config_map import ConfigMapFeed
from pipeline.plan.compile import compile_plan
from pipeline.plan.live import ActivePlan
from pipeline.plan.plan import Plan
from pipeline.runtime.embedded import Embedded, EmbeddedOptions
from pipeline.runtime.outputs import Outputs
from pipeline.stage import BuildContext, Spec
from pipeline.stage.fingerprint import fingerprints
from pipeline.stage.resources import ResourcePool
from pipeline.state.assignment import Assignment
from pipeline.state.count_store import CountStore
from pipeline.state.ledger import Ledger

_TOPIC_SECONDS, _FILE_SECONDS = 0.25, 2.0
"""Between two checkpoints: to a topic goes what has changed, to a file all of it."""


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


class Job:
    """The parts of one `run`, connected with each other; `server()` and `run()` start them.

    `recording` replaces every source by that file; its beginning says which decoder it takes.
    `counts` is what is counted, `live` the plan that runs, `exposer` what a scrape shows, `latest`
    the latest flows, which are kept from `latest.keep()` on. Raises OSError when the file of dead
    letters is one that a source reads.
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
        dead_letters = letters_file(config, dead_letters)
        require_unread(config, recording, dead_letters, state=state)
        self.config = config
        self.settings: Settings = settings
        self.started = False
        self.reloader: Reloader | None = None
        self._recording = recording
        self._resources = ResourcePool()
        self.live = ActivePlan(self._compile(config))
        self._resources.settle()
        self.telemetry = Telemetry(
            self.plan, settings.self_metrics.prefix, process=settings.self_metrics.process
        )
        self._outputs = Outputs(self.telemetry)
        self.counts: CountStore
        self.runtime: Runtime
        if self.subscribes:
            self.counts, self.runtime = self._kafka(state, dead_letters)
        else:
            self.counts, self.runtime = self._embedded(state, dead_letters)
        self._pushes = MetricPush(self.live, self.counts)
        self.live.on_swap(self._adopt)
        self.plan.report()
        expires = any(source.live for source in self.plan.sources)
        self.latest = LatestFlows(self.live, self._view)
        self.exposer = Exposer(
            *(self.counts, self.telemetry, self._resources),
            expires=expires,
            elsewhere={name for server in settings.metric_servers for name in server.stages},
        )

    @property
    def plan(self) -> Plan:
        """The plan that runs now."""
        return self.live.plan

    @property
    def subscribes(self) -> bool:
        """Whether a source reads Kafka topics."""
        folder = self.config.folder
        return any(source.subscription(folder) for source in self.plan.sources)

    def _embedded(
        self, state: Path | None, dead_letters: Path | None
    ) -> tuple[CountStore, Runtime]:
        letters = self.settings.dead_letters
        ledger = Ledger(self.plan.families, self.settings.limits.max_series)
        options = EmbeddedOptions(
            state=state,
            dead_letters=dead_letters,
            max_bytes=letters.max_bytes,
            max_ratio=letters.max_ratio,
            max_consecutive=letters.max_consecutive,
            checkpoint=self.settings.checkpoint.every(_FILE_SECONDS),
        )
        return ledger, Embedded(self.live, ledger, self.telemetry, self._outputs, options)

    def _kafka(self, state: Path | None, dead_letters: Path | None) -> tuple[CountStore, Runtime]:
        settings = self.settings
        if state or dead_letters:
            raise BrokerError(
                "with Kafka sources, counts and dead letters are kept in topics: "
                "give dead_letters.topic, and neither a state folder nor a file"
            )
        from pipeline.runtime import faust  # noqa: PLC0415 - slow, for Kafka alone

        assignment = Assignment(self.plan.families, settings.limits.max_series)
        options = faust.WorkerOptions(
            interval=settings.checkpoint.every(_TOPIC_SECONDS),
            flows=settings.checkpoint.flows,
            dead_letters=settings.dead_letters.topic,
            max_bytes=settings.dead_letters.max_bytes,
            max_ratio=settings.dead_letters.max_ratio,
            max_consecutive=settings.dead_letters.max_consecutive,
        )
        worker = faust.worker(self.live, assignment, self.telemetry, self._outputs, options)
        return assignment, worker

    def run(self, advance: Callable[[int], None] = lambda _: None) -> None:
        """Run to the end of the input."""
        self.started = True
        self._pushes.start()
        self.runtime.run(advance)

    def reload(self, config: Config) -> None:
        """Let another configuration take over between two batches; returns when it has.

        Raises ConfigError or ValueError, and nothing has changed, when the configuration is not
        valid or takes a restart. For one thread at a time.
        """
        restart.check_same(self.config, config, self._recording)
        self._resources.begin()
        try:
            plan = self._compile(config)
        except BaseException:
            self._resources.revert()
            raise
        self.config = config
        self.live.swap(plan)
        self._resources.settle()
        plan.report()

    def fingerprints(self) -> object:
        """What the plan that runs was built from besides the configuration's text, to compare."""
        feed = self._followed(self.config)
        watched = feed.fingerprint() if feed else None
        return self.plan.fingerprint(), fingerprints(self.config.outside.files), watched

    def watch(self, read: Callable[[], Config], stamp: Callable[[], object]) -> Reloader:
        """What reloads this job when its configuration changes; not started yet."""
        self.reloader = Reloader(self, read, stamp)
        return self.reloader

    @property
    def resources(self) -> ResourcePool:
        """What the plan keeps open."""
        return self._resources

    def server(
        self,
        listen: str = "",
        extra: Mapping[str, Extra] | None = None,
        files: Mapping[str, Answer] | None = None,
    ) -> Server:
        """The HTTP server of this job, not started yet. Raises OSError.

        `extra` are more documents and actions; `files` those of the page.
        """
        own, folder = self.settings.server, self.config.folder
        names = own.tls_cert, own.tls_key, own.client_ca
        cert, key, client_ca = (str(folder / name) if name else "" for name in names)
        access = Access(
            folder / own.token_file if own.token_file else None,
            client_ca=bool(client_ca),
            hosts=own.hosts,
        )
        answers = Answers(
            self.exposer.parts,
            self.not_ready,
            documents(self.live, self.counts, self._resources, extra),
            self.notes,
            actions(extra),
            files or {},
        )
        if own.tls_key:
            warn_if_open(folder / own.tls_key)
        return Server(listen or own.listen, answers, cert, key, client_ca=client_ca, access=access)

    def not_ready(self) -> str:
        """Why the job is not ready; "" when it is."""
        if not self.started:
            return "the sources are not open yet"
        return "; ".join(filter(None, [self.runtime.reason, *self._resources.waiting()]))

    def notes(self) -> Mapping[str, object]:
        """What /readyz says besides whether the job is ready."""
        notes = dict(self.reloader.notes()) if self.reloader else {}
        found = {
            "cluster": self._resources.problems(),
            "series_limit": sorted(self.counts.limited),
            "rejects": list(self.telemetry.rejecting().values()),
            "outputs": [*self._outputs.problems(), *self._pushes.problems()],
            "limits": limits.in_effect(),
        }
        return notes | {name: problems for name, problems in found.items() if problems}

    def close(self) -> None:
        """Send what waits for servers, up to its deadlines, and end what the plan keeps open."""
        self._outputs.close()
        self._pushes.close()
        self._resources.close()

    def _compile(self, config: Config) -> Plan:
        self._followed(config)
        stages, context = self._parts(config)
        return compile_plan(stages, context, self._resources, config.settings.reserved)

    def _view(self) -> Plan:
        stages, context = self._parts(self.config)
        return compile_plan(view(stages), context, self._resources)

    def _parts(self, config: Config) -> tuple[list[Spec], BuildContext]:
        """The stages, their sources replayed where there is a recording, and what they need."""
        stages = [restart.replayed(stage, self._recording) for stage in config.stages]
        return stages, BuildContext(folder=config.folder, pipeline=config.pipeline)

    def _followed(self, config: Config) -> ConfigMapFeed | None:
        """The feed of the ConfigMap that has parameters, where there is one."""
        outside = config.outside
        place = outside.config_map
        if place is None:
            return None
        return self._resources.acquire(
            (ConfigMapFeed, place),
            lambda: ConfigMapFeed(place.access.connect(config.folder), place, outside.entries),
        )

    def _adopt(self, plan: Plan, unchanged: Collection[str]) -> None:
        self.counts.adopt(plan.families, unchanged, self.config.settings.limits.max_series)
        self.telemetry.adopt(plan)
