"""The log: its lines in both forms, repeats, libraries, spinners."""

from __future__ import annotations

import io
import json
import logging
import re
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from rich.console import Console
from rich.progress import Progress

from pipeline import limits
from pipeline.cli.logs import Log, LogFormat

LINE = re.compile(r"(\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z) (\w+) +([\w.]+): (.*)")


@pytest.fixture
def log() -> Iterator[logging.Logger]:
    """A logger of the engine alone: the root's handlers are those of pytest."""
    found = logging.getLogger("pipeline.kafka.topics")
    found.propagate = False
    yield found
    found.propagate = True
    found.handlers.clear()


def lines(text: str) -> list[tuple[str, ...]]:
    """Level, component and message of each line."""
    found = [LINE.fullmatch(line) for line in text.splitlines()]
    return [match.groups()[1:] for match in found if match]


def test_a_line_has_time_level_component_and_message(
    log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.addHandler(Log())
    log.warning("topic %s", "a\x1b[31m\nb")
    assert lines(capsys.readouterr().err) == [("WARNING", "kafka.topics", "topic a�[31m�b")]


def test_in_json_a_line_is_an_object(
    log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    log.addHandler(Log(LogFormat.JSON))
    log.error('topic "%s"', "a\nb")
    (line,) = capsys.readouterr().err.splitlines()
    found = json.loads(line)
    assert LINE.fullmatch(f"{found['time']} ERROR x: y")
    assert {key: found[key] for key in ("level", "component", "message")} == {
        "level": "ERROR",
        "component": "kafka.topics",
        "message": 'topic "a\nb"',
    }


def test_more_lines_than_can_be_counted_are_logged(
    log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Repeats are told apart among a thousand lines; the limit is said, and no line is lost."""
    log.addHandler(Log())
    for number in [*range(1_001), 0, 1_000, 1_000]:
        log.warning("line %d", number)
    said = [message for _, _, message in lines(capsys.readouterr().err)]
    assert said == [f"line {number}" for number in [*range(1_001), 1_000, 1_000]]
    (told,) = limits.in_effect()
    assert told.startswith("more than 1,000 different lines were logged within a minute: ")


def test_repeats_are_counted_and_the_count_is_told_at_the_end(
    log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Another message between them changes nothing; what is said for other topics is said."""
    handler = Log()
    log.addHandler(handler)
    for _ in range(5):
        log.warning("no broker")
        log.warning("topic %s", "a")
    log.warning("topic %s", "b")
    handler.close()
    assert [message for _, _, message in lines(capsys.readouterr().err)] == [
        *("no broker", "topic a", "topic b"),
        *("no broker (4 more times)", "topic a (4 more times)"),
    ]


def test_after_a_minute_a_repeat_is_told_with_its_count(
    log: logging.Logger, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    now = 0.0
    monkeypatch.setattr("time.monotonic", lambda: now)
    log.addHandler(Log())
    for _ in range(9):
        log.warning("no broker")
        now += 11.0
    assert [message for _, _, message in lines(capsys.readouterr().err)] == [
        *("no broker", "no broker (5 more times)", "no broker"),
    ]


def test_an_error_of_a_library_is_a_warning_on_one_line(
    capsys: pytest.CaptureFixture[str],
) -> None:
    library = logging.getLogger("aiokafka.conn")
    library.addHandler(Log())
    library.propagate = False
    error = ConnectionError("no\nroute")
    library.error("Unable to connect", exc_info=error)
    library.handlers.clear()
    library.propagate = True
    message = "Unable to connect: ConnectionError('no\\nroute')"
    assert lines(capsys.readouterr().err) == [("WARNING", "aiokafka.conn", message)]


def test_a_traceback_is_for_who_debugs(
    log: logging.Logger, capsys: pytest.CaptureFixture[str]
) -> None:
    """Its lines are kept, and nothing in them moves the cursor."""
    log.addHandler(Log())
    own, error = logging.getLogger("pipeline"), ValueError("\x1b[2J")
    level = own.level
    try:
        own.setLevel(logging.DEBUG)
        log.warning("because", exc_info=error)
    finally:
        own.setLevel(level)
    first, *traceback = capsys.readouterr().err.splitlines()
    assert lines(first) == [("WARNING", "kafka.topics", "because: ValueError('\\x1b[2J')")]
    assert traceback == ["ValueError: \ufffd[2J"]


def test_a_spinner_and_the_log_never_share_a_line(
    log: logging.Logger, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    """Whatever the terminal shows: the log is written through the spinner, on lines of its own."""
    with (tmp_path / "tty").open("w+", encoding="utf-8") as screen:
        monkeypatch.setattr(sys, "stderr", screen)
        handler = Log()
        log.addHandler(handler)
        console = Console(file=screen, force_terminal=True, width=80)
        with Progress(console=console, auto_refresh=False) as bar:
            bar.add_task("flows", total=None)
            bar.refresh()
            log.warning("no broker")
            bar.refresh()
        screen.seek(0)
        shown = screen.read()
    plain = re.sub(r"\x1b\[[0-9;?]*[a-zA-Z]", "", shown)
    assert [m for _, _, m in lines("\n".join(re.split(r"[\r\n]+", plain)))] == ["no broker"]


def test_a_line_is_written_at_once(log: logging.Logger, monkeypatch: pytest.MonkeyPatch) -> None:
    """Workers of one command share standard error, unbuffered in the image: none is in another."""
    screen = Parts()
    monkeypatch.setattr(sys, "stderr", screen)
    log.addHandler(Log(LogFormat.JSON))
    log.warning("one")
    log.warning("two")
    assert [json.loads(part)["message"] for part in screen.parts] == ["one", "two"]
    assert all(part.endswith("}\n") for part in screen.parts)


class Parts(io.StringIO):
    """A file that remembers what each write gave it."""

    def __init__(self) -> None:
        super().__init__()
        self.parts: list[str] = []

    def write(self, text: str, /) -> int:
        self.parts.append(text)
        return super().write(text)
