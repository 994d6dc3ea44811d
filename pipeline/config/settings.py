"""What the configuration file says besides its stages."""

from __future__ import annotations

import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Annotated, Literal

import msgspec
from msgspec import Meta

from pipeline.diagnostics import Problem, warning
from pipeline.exposition import declared
from pipeline.files import content, is_file
from pipeline.flows.cidr import is_loopback
from pipeline.kafka.connection import Topic
from pipeline.stage import listen
from pipeline.stage.duration import Duration, seconds

Count = Annotated[int, Meta(ge=0)]
Prefix = Annotated[
    str,
    Meta(
        pattern=r"^([a-zA-Z_:][a-zA-Z0-9_:]*)?$(?!\n)",
        extra={"expected": "the start of a metric name ([a-zA-Z0-9_:], no digit first)"},
    ),
]


class _Group(
    msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True, omit_defaults=True
):
    pass


class ServerSettings(_Group, frozen=True, kw_only=True):
    """The HTTP server of /metrics, /healthz, /readyz, /api/v0/ and the page.

    `listen` is host:port; port 0 takes any that is free. With both `tls_cert` and `tls_key`, PEM
    files, it speaks TLS. All but /metrics, /healthz and /readyz is for callers on this machine,
    unless `token_file` has a token for callers to send (one a line; it is read again when it
    changes), or `client_ca`, a PEM file, says whose client certificates are accepted: then all
    callers need one of these. `hosts` are more names by which callers reach it, a proxy's say.
    `page` serves the page, at /. `health` is another address (host:port), for probes alone: it
    answers /live and /ready. With `optional` the process runs on, and logs an error, where it
    cannot listen.
    """

    listen: str = "127.0.0.1:9102"
    tls_cert: str = ""
    tls_key: str = ""
    client_ca: str = ""
    token_file: str = ""
    hosts: list[str] = []
    page: bool = False
    health: str = ""
    optional: bool = False

    @property
    def address(self) -> tuple[str, int]:
        """Host and port. Raises ValueError when `listen` is not host:port."""
        return listen.address(self.listen)

    @property
    def url(self) -> str:
        """Where it is reached from this machine. Raises ValueError as `address` does."""
        host, port = self.address
        here = "127.0.0.1" if host in listen.EVERY_NETWORK else host
        shown = f"[{here}]" if ":" in here else here
        return f"http{'s' if self.tls_cert else ''}://{shown}:{port}"

    def check(self, folder: Path) -> Iterator[Problem]:
        """What is wrong beyond types."""
        tls = {"tls_cert": self.tls_cert, "tls_key": self.tls_key, "client_ca": self.client_ca}
        yield from listen.check(self.listen, tls, folder)
        if self.health:
            try:
                _ = listen.address(self.health)
            except ValueError as error:
                yield Problem(("health",), str(error), "for example 127.0.0.1:8080 or [::1]:8080")
        if self.token_file and not is_file(folder / self.token_file):
            yield Problem(("token_file",), f'no file "{self.token_file}"')
        if self.token_file and is_file(folder / self.token_file):
            yield from self._check_token(folder / self.token_file)

    def _check_token(self, file: Path) -> Iterator[Problem]:
        at = ("token_file",)
        try:
            if not content(file).split():
                yield Problem(at, f'"{self.token_file}" has no token')
            elif file.stat().st_mode & stat.S_IROTH:
                yield warning(at, f'"{self.token_file}" can be read by every user of this machine')
        except OSError as error:
            yield Problem(at, f'"{self.token_file}" cannot be read: {error.strerror}')
        host = self.listen.rpartition(":")[0].strip("[]")
        if not self.tls_cert and host != "localhost" and not is_loopback(host):
            yield warning(at, "without TLS the token can be read on its way: give tls_cert")


class MetricServer(_Group, frozen=True, kw_only=True):
    """Another HTTP server, of the metrics of some encoders, which the first one leaves out.

    `stages` are the names of these encoders. `listen`, `tls_cert` and `tls_key` are those of
    `server`. It answers /metrics, /healthz and /readyz. Workers of one group count its port up.
    """

    stages: Annotated[list[str], Meta(min_length=1)]
    listen: str
    tls_cert: str = ""
    tls_key: str = ""

    def check(self, folder: Path) -> Iterator[Problem]:
        """What is wrong beyond types."""
        tls = {"tls_cert": self.tls_cert, "tls_key": self.tls_key, "client_ca": ""}
        yield from listen.check(self.listen, tls, folder)


class SelfMetrics(_Group, frozen=True, kw_only=True):
    """The engine's own metrics.

    `prefix` starts their names. `process` adds the metrics of the Python process.
    """

    prefix: Prefix = "flowmatrix_"
    process: bool = True


class DeadLetters(_Group, frozen=True, kw_only=True):
    """Rejected messages: where they are kept, and how many of them stop the process.

    `file` takes them as JSON lines (local sources), `topic` as messages whose headers say why and
    whence (Kafka sources). `max_bytes` is the size at which the file takes no more, and that a
    topic keeps which the worker makes; what is rejected beyond is only counted. `max_ratio` is
    their largest share of all messages, and `max_consecutive` the most of them in a row, before the
    process stops; 0 means no limit. What is sent to a server (`ingest_grpc`, `ingest_ipfix`) never
    stops it.
    """

    file: str = ""
    topic: Topic = ""
    max_bytes: Count = 1 << 30
    max_ratio: Annotated[float, Meta(ge=0.0, le=1.0)] = 0.0
    max_consecutive: Count = 100_000


class CheckpointSettings(_Group, frozen=True, kw_only=True):
    """How often counts are made durable: those of Kafka are also shown from then on.

    After `interval` (0.25 s with Kafka, to which goes what has changed; 2 s with a state folder,
    which is written as a whole), or (Kafka) after `flows` if that is sooner.
    """

    interval: Duration | None = None
    flows: Annotated[int, Meta(ge=1)] = 1_000_000

    def every(self, usual: float) -> float:
        """Seconds between two checkpoints; `usual` when none are set."""
        return usual if self.interval is None else seconds(self.interval)


class Limits(_Group, frozen=True, kw_only=True):
    """Bounds on memory.

    Label sets beyond `max_series` are counted in one series; 0 means no limit. It holds for the
    counts of a run, or of each Kafka partition, and again for what a Kafka worker shows.
    """

    max_series: Count = 1_000_000


class MatrixSettings(_Group, frozen=True, kw_only=True):
    """The edges that `encode_matrix` counts, beside what they shall be.

    `approved` is a file that `flowmatrix matrix approve` has printed: the gauge `drift_edges` says
    how many edges differ from it. The file is read again when it changes.
    """

    approved: str = ""

    def check(self, folder: Path) -> Iterator[Problem]:
        """What is wrong beyond types."""
        if self.approved and not is_file(folder / self.approved):
            yield Problem(("approved",), f'no file "{self.approved}"')


class Settings(_Group, frozen=True, kw_only=True):
    """How the process behaves, whatever its stages.

    `server` is its HTTP server, `metric_servers` are more of them. `self_metrics` are the engine's
    own metrics. `dead_letters` are messages that cannot be used. `checkpoint` makes counts durable.
    `limits` bound memory. `matrix` compares edges with approved ones. `log_level` is the least
    level logged.
    """

    server: ServerSettings = ServerSettings()
    metric_servers: list[MetricServer] = []
    self_metrics: SelfMetrics = SelfMetrics()
    dead_letters: DeadLetters = DeadLetters()
    checkpoint: CheckpointSettings = CheckpointSettings()
    limits: Limits = Limits()
    matrix: MatrixSettings = MatrixSettings()
    log_level: Literal["debug", "info", "warning", "error"] = "info"

    @property
    def reserved(self) -> set[str]:
        """The names of the engine's own metrics, which no other metric can have."""
        return declared.names(self.self_metrics.prefix, process=self.self_metrics.process)

    def check(self, folder: Path) -> Iterator[Problem]:
        """What is wrong beyond types; files are under `folder`."""
        for problem in self.server.check(folder):
            yield problem.under("server")
        for index, server in enumerate(self.metric_servers):
            for problem in server.check(folder):
                yield problem.under("metric_servers", index)
        for problem in self.matrix.check(folder):
            yield problem.under("matrix")
