"""Reload a configuration when its file, or a file or object it refers to, has changed."""

from __future__ import annotations

import logging
import time
from collections.abc import Callable
from typing import Protocol, Self

from pipeline.config.loader import Config
from pipeline.diagnostics import ConfigError, Severity
from pipeline.exposition.self_metrics import Telemetry
from pipeline.timing.periodic import Periodic

_log = logging.getLogger(__name__)
_SECONDS = 1.0
_SHOWN = 5


class Reloadable(Protocol):
    """What a `Reloader` reloads (a Job)."""

    telemetry: Telemetry

    def reload(self, config: Config) -> None:
        """Let a configuration take over; raises ConfigError or ValueError when it cannot."""

    def fingerprints(self) -> object:
        """What the running plan was built from besides the configuration's text, to compare."""


class Reloader:
    """Reloads a job when its configuration, or what the plan was built from, has changed.

    `read` reads the configuration, `stamp` gives a value that changes with its file. `refused` is
    why the newest configuration does not run; "" when it does.
    """

    def __init__(
        self, job: Reloadable, read: Callable[[], Config], stamp: Callable[[], object]
    ) -> None:
        self._job = job
        self._read = read
        self._stamp = stamp
        self._seen = stamp(), job.fingerprints()
        self._wanted = False
        self._watch = Periodic("the reload", self.poll, _SECONDS)
        self.refused = ""

    def wake(self) -> None:
        """Reload soon, changed or not. A signal handler may call it."""
        self._wanted = True
        self._watch.wake()

    def reload(self) -> bool:
        """Read the configuration and let it take over; False when it is refused."""
        telemetry = self._job.telemetry
        self._seen = self._stamp(), self._job.fingerprints()
        try:
            self._job.reload(self._read())
        except Exception as error:  # noqa: BLE001 - whatever is wrong, the old configuration runs on
            self.refused = _reason(error)
            telemetry.add("config_reload_failures", 1)
            telemetry.set("config_refused", 1)
            _log.error("the configuration is refused, the old one runs on: %s", self.refused)
            return False
        self.refused = ""
        self._seen = self._seen[0], self._job.fingerprints()
        telemetry.add("config_reload_success", 1)
        telemetry.set("config_refused", 0)
        telemetry.set("config_last_reload_timestamp_seconds", time.time())
        _log.info("the configuration was reloaded")
        return True

    def poll(self) -> None:
        """Reload if anything has changed, or `wake` was called."""
        changed = (self._stamp(), self._job.fingerprints()) != self._seen
        if changed or self._wanted:
            self._wanted = False
            self.reload()

    def notes(self) -> dict[str, object]:
        """What /readyz says about the newest configuration."""
        return {"reload": self.refused} if self.refused else {}

    def __enter__(self) -> Self:
        self._watch.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._watch.close()


def _reason(error: Exception) -> str:
    if not isinstance(error, ConfigError):
        return str(error) or type(error).__name__
    errors = [str(one) for one in error.problems if one.problem.severity is Severity.ERROR]
    more = [f"and {len(errors) - _SHOWN} more"] if errors[_SHOWN:] else []
    return "; ".join([*errors[:_SHOWN], *more])
