"""The log: one line a record, with time, level and component; repeats are counted."""

from __future__ import annotations

import logging
import os
import sys
import time
from enum import StrEnum

import msgspec

from pipeline import limits
from pipeline.diagnostics import printable, without_login

LEVEL, FORMAT = "FLOWMATRIX_LOG_LEVEL", "FLOWMATRIX_LOG_FORMAT"
"""Where the options stand in the environment: the workers that a command starts inherit them."""
_OWN = "pipeline"
_WINDOW = 60.0
_MOST_HELD = 1_000


class LogFormat(StrEnum):
    """How a line of the log looks."""

    TEXT = "text"
    JSON = "json"


class LogLevel(StrEnum):
    """The least level that is logged."""

    DEBUG = "debug"
    INFO = "info"
    WARNING = "warning"
    ERROR = "error"


class _Line(msgspec.Struct):
    """A line of the log in JSON."""

    time: str
    level: str
    component: str
    message: str


def start() -> None:
    """Send the log to standard error, as the environment says. Until a command says, warnings.

    What the environment says wrongly is left out here: the options of each command refuse it.
    """
    root = logging.getLogger()
    for handler in root.handlers[:]:
        root.removeHandler(handler)
    form = os.environ.get(FORMAT)
    root.addHandler(Log(LogFormat(form) if form in set(LogFormat) else LogFormat.TEXT))
    log_from("warning")


def log_from(level: str) -> None:
    """Log what is of this level or above, or of that of the option where it is given.

    Of libraries it is never less than warnings.
    """
    asked = os.environ.get(LEVEL, "")
    wanted = (asked if asked in set(LogLevel) else level).upper()
    logging.getLogger(_OWN).setLevel(wanted)
    logging.getLogger().setLevel(max(logging.WARNING, logging.getLevelName(wanted)))


class Log(logging.Handler):
    """Writes records to what is standard error at that moment: a spinner moves out of the way.

    A message that comes again within a minute is counted, and the count is told with the next one
    after that minute, or at the end. What a library calls an error is a warning: whether it is an
    error for the run, the engine says itself.
    """

    def __init__(self, form: LogFormat = LogFormat.TEXT) -> None:
        super().__init__()
        self.form = form
        self._held: dict[tuple[str, str], _Repeat] = {}

    def emit(self, record: logging.LogRecord) -> None:
        """Write a record, unless it was written within a minute."""
        if not _is_own(record) and _level(record) < logging.getLogger().level:
            return
        now = time.monotonic()
        self._tell_repeats(now)
        try:
            text = _text(record)
        except (TypeError, ValueError):
            self.handleError(record)
            return
        key = record.name, text
        if key in self._held:
            self._held[key].times += 1
            return
        self._write(record, text)
        if len(self._held) < _MOST_HELD:
            self._held[key] = _Repeat(record, now + _WINDOW)
        else:
            limits.reached(
                f"more than {_MOST_HELD:,} different lines were logged within a minute",
                "repeats of the others are not counted, but logged",
            )

    def close(self) -> None:
        """Tell what was held back."""
        self.acquire()
        try:
            self._tell_repeats(float("inf"))
        finally:
            self.release()
        super().close()

    def _tell_repeats(self, now: float) -> None:
        for key, repeat in [item for item in self._held.items() if item[1].until <= now]:
            del self._held[key]
            if repeat.times:
                self._write(repeat.record, f"{key[1]} ({repeat.times} more times)")

    def _write(self, record: logging.LogRecord, text: str) -> None:
        traceback = _traceback(record)
        stamp = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(record.created))
        line = _Line(
            time=f"{stamp}.{int(record.msecs):03d}Z",
            level=logging.getLevelName(_level(record)),
            component=record.name.removeprefix(f"{_OWN}."),
            message="\n".join([text, *traceback]),
        )
        if self.form is LogFormat.JSON:
            shown = msgspec.json.encode(line).decode()
        else:
            first = f"{line.time} {line.level:<7} {line.component}: {text}"
            shown = "\n".join(map(printable, [first, *traceback]))
        try:
            sys.stderr.write(f"{shown}\n")  # at once: other workers write there, too
            sys.stderr.flush()
        except (OSError, ValueError):
            return  # nobody reads it, and there is nowhere else to say so


class _Repeat(msgspec.Struct):
    """A record that was written, until when it is not again, and how often it came since."""

    record: logging.LogRecord
    until: float
    times: int = 0


def _text(record: logging.LogRecord) -> str:
    """The message, and the error it is about."""
    error = record.exc_info[1] if record.exc_info else None
    text = record.getMessage() if error is None else f"{record.getMessage()}: {error!r}"
    return without_login(text)


def _traceback(record: logging.LogRecord) -> list[str]:
    """Where the error comes from, for who debugs."""
    if not record.exc_info or not logging.getLogger(_OWN).isEnabledFor(logging.DEBUG):
        return []
    return without_login(logging.Formatter().formatException(record.exc_info)).splitlines()


def _is_own(record: logging.LogRecord) -> bool:
    return record.name.split(".")[0] == _OWN


def _level(record: logging.LogRecord) -> int:
    return record.levelno if _is_own(record) else min(record.levelno, logging.WARNING)
