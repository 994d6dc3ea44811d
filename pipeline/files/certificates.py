"""Certificates of ours that we show to others: from when and until when they hold (RFC 5280).

Peers refuse one that has ended, most of them without a word about why. The standard library reads
certificates in one private function alone, which is what `SSLSocket.getpeercert` calls.
"""

from __future__ import annotations

import errno
import logging
import ssl
import time
from _ssl import _test_decode_cert as decoded  # type: ignore[attr-defined] # no hint of it
from collections.abc import Iterator, Mapping
from datetime import UTC, datetime
from functools import cache
from pathlib import Path

from pipeline.diagnostics import ConfigPath, Problem, warning
from pipeline.files.reading import bounded, is_file

_WEEK = 7 * 86_400.0
_LAST = 0.1
"""The share of its time in which a certificate that lasts hours or days is near its end."""
_log = logging.getLogger(__name__)


def require_valid(path: Path) -> None:
    """Raise OSError, with file and date, where a certificate has ended or not begun.

    Of one that is near its end the log warns, once. What is not a certificate is for others to say.
    """
    found, refused = _told(path)
    if refused:
        raise OSError(errno.EINVAL, found, str(path))
    if found:
        _warn(path.absolute(), found)


def warn_of_end(path: Path) -> None:
    """The same as a warning, for a certificate of a server: its clients say what they accept."""
    if found := _told(path)[0]:
        _warn(path.absolute(), found)


def check_dates(at: ConfigPath, path: Path) -> Iterator[Problem]:
    """A warning where a certificate is not valid now, or will not be soon."""
    if found := _told(path)[0]:
        yield warning(at, f"{path}: {found}", "renew it")


def check_files(tls: Mapping[str, str], folder: Path) -> Iterator[Problem]:
    """What is wrong with PEM files under `folder`, by the fields that name them ("" for none).

    `tls_cert` and `tls_key` are of one certificate, of whose end it warns.
    """
    if bool(tls["tls_cert"]) != bool(tls["tls_key"]):
        given = "tls_cert" if tls["tls_cert"] else "tls_key"
        yield Problem((given,), "tls_cert and tls_key go together")
    for name, file in tls.items():
        if file and not is_file(folder / file):
            yield Problem((name,), f'no file "{file}"')
    if tls["tls_cert"]:
        yield from check_dates(("tls_cert",), folder / tls["tls_cert"])


def _told(path: Path) -> tuple[str, bool]:
    """What is to be said of the dates of a certificate, "" for nothing; whether others refuse it.

    Near its end is the last week, and of what lasts less than ten weeks, the last tenth.
    """
    try:
        found = decoded(bounded(path))
        begins = ssl.cert_time_to_seconds(found["notBefore"])
        ends = ssl.cert_time_to_seconds(found["notAfter"])
    except (OSError, ValueError, KeyError):
        return "", False
    now = time.time()
    if now >= ends:
        return f"the certificate ended on {_date(ends)}", True
    if now < begins:
        return f"the certificate is valid from {_date(begins)} on: is the clock right?", True
    if ends - now < min(_WEEK, _LAST * (ends - begins)):
        return f"the certificate ends on {_date(ends)}", False
    return "", False


def _date(seconds: float) -> str:
    return f"{datetime.fromtimestamp(seconds, UTC):%Y-%m-%d %H:%M} UTC"


@cache
def _warn(path: Path, found: str) -> None:
    _log.warning("%s: %s", path, found)
