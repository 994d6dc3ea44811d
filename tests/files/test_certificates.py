"""Certificates of ours: from when and until when they hold, with openssl's own."""

from __future__ import annotations

import logging
import os
import time
from pathlib import Path

import pytest

from pipeline.files import check_dates, require_valid, warn_of_end
from tests.support.certificates import Authority

DAY = 86_400.0


@pytest.fixture
def authority(tmp_path: Path) -> Authority:
    return Authority(tmp_path / "ca")


def test_one_that_holds_is_not_spoken_of(
    authority: Authority, caplog: pytest.LogCaptureFixture
) -> None:
    for days in (1, 90, 3_650):
        cert, _ = authority.issue("x", days)
        require_valid(cert)
        warn_of_end(cert)
        assert list(check_dates(("cert",), cert)) == []
    assert caplog.records == []


def test_one_that_has_ended_is_refused_with_file_and_date(authority: Authority) -> None:
    """Of a server it is a warning: its clients say what they accept."""
    cert, _ = authority.issue("x", -1)
    yesterday = time.strftime("%Y-%m-%d", time.gmtime(time.time() - DAY))
    with pytest.raises(OSError, match=f"the certificate ended on {yesterday}") as refused:
        require_valid(cert)
    assert refused.value.filename == str(cert)
    (problem,) = check_dates(("tls", "cert"), cert)
    assert problem.path == ("tls", "cert")
    assert problem.message.startswith(f"{cert}: the certificate ended on {yesterday}")


@pytest.mark.parametrize(
    ("days", "later", "told"),
    [(90, 82, False), (90, 84, True), (1, 0.89, False), (1, 0.95, True)],
)
def test_one_that_ends_soon_is_warned_of_once(
    authority: Authority,
    monkeypatch: pytest.MonkeyPatch,
    caplog: pytest.LogCaptureFixture,
    days: int,
    later: float,
    *,
    told: bool,
) -> None:
    """In its last week, or in its last tenth where it lasts days."""
    cert, _ = authority.issue("x", days)
    now = time.time() + later * DAY
    monkeypatch.setattr(time, "time", lambda: now)
    require_valid(cert)
    require_valid(cert)
    said = [record for record in caplog.records if record.levelno == logging.WARNING]
    assert len(said) == told
    assert all(f"{cert}: the certificate ends on 2" in one.getMessage() for one in said)
    assert len(list(check_dates(("cert",), cert))) == told


def test_one_that_has_not_begun_asks_for_the_clock(
    authority: Authority, monkeypatch: pytest.MonkeyPatch
) -> None:
    cert, _ = authority.issue("x")
    now = time.time() - DAY
    monkeypatch.setattr(time, "time", lambda: now)
    with pytest.raises(OSError, match=r"the certificate is valid from 2.* on: is the clock right"):
        require_valid(cert)


def test_what_is_none_is_for_others_to_say(tmp_path: Path) -> None:
    """A key before it does not matter; a pipe is not waited for."""
    (tmp_path / "cut").write_text("-----BEGIN CERTIFICATE-----\nMIIB\n")
    (tmp_path / "folder").mkdir()
    os.mkfifo(tmp_path / "pipe")
    for name in ("cut", "folder", "pipe", "none"):
        require_valid(tmp_path / name)
        assert list(check_dates((), tmp_path / name)) == []
