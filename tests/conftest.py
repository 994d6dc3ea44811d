"""Fixtures of the real parts: lazy, started once a session, ended with it.

A part that cannot be had here skips its tests, and fails them where CI=true.
"""

from __future__ import annotations

import os
import signal
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest

from tests.real import parts
from tests.real.prometheus import Prometheus


def pytest_configure() -> None:
    """SIGTERM ends the session as Ctrl-C does, so that the servers it started end too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(wrapper=True)
def pytest_fixture_setup() -> Generator[None, object, object]:
    """A missing part is a skip on a laptop and a failure in CI."""
    try:
        return (yield)
    except parts.Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture
def new_prometheus(tmp_path: Path) -> Iterator[Callable[[Mapping[str, object]], Prometheus]]:
    """Starts a Prometheus with the given configuration; it ends with the test."""
    parts.debian("prometheus", "prometheus")
    with ExitStack() as stack:
        yield lambda config: stack.enter_context(Prometheus(config, tmp_path))
