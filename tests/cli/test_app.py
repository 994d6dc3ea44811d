"""Lines of the log and of errors, whatever stands in them."""

import logging
import sys

import pytest

from pipeline.cli.app import _Formatter, say, show

HOSTILE = "\x1b]0;x\x07\0\r\n\u202e\x9b2J"


def fails() -> None:
    raise ValueError(HOSTILE)


def test_a_record_of_the_log_is_one_line_and_moves_no_cursor() -> None:
    try:
        fails()
    except ValueError:
        record = logging.LogRecord("n", 30, "f", 1, "m %s", (HOSTILE,), sys.exc_info())
    first, *traceback = _Formatter("%(levelname)s %(name)s: %(message)s").format(record).split("\n")
    assert first == "WARNING n: m \ufffd]0;x\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd2J"
    assert traceback[0] == "Traceback (most recent call last):"
    assert all(line.isprintable() for line in traceback)


def test_what_is_said_and_shown_moves_no_cursor(capsys: pytest.CaptureFixture[str]) -> None:
    say(f"a {HOSTILE}")
    show(f"b {HOSTILE}")
    out, err = capsys.readouterr()
    assert out == "b \ufffd]0;x\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd2J\n"
    assert err == "a \ufffd]0;x\ufffd\ufffd\ufffd\ufffd\ufffd\ufffd2J\n"
