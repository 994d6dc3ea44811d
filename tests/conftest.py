"""Fixtures of the real parts: fetched, built and started only when a test asks for them.

A part that cannot be had here skips its tests, and fails them where CI=true.
"""

from __future__ import annotations

import logging
import os
import signal
import subprocess
import sys
from collections.abc import Callable, Generator, Iterator, Mapping
from contextlib import ExitStack
from pathlib import Path

import pytest
from hypothesis import settings

from pipeline import limits
from tests.real import apiserver, kafka, kube, parts
from tests.real.apiserver import ApiServer
from tests.real.broker import Broker, foreign
from tests.real.browser import Browser, axe, browser
from tests.real.cluster import new_namespace
from tests.real.listeners import Security
from tests.real.policy_evaluators import Evaluators, evaluators
from tests.real.prometheus import Prometheus
from tests.real.push_receiver import PushReceiver
from tests.real.push_receiver import push_receiver as pushed_to

_KUBE_FIXTURES = frozenset({"kube_server", "new_kube", "kube_is_ours"})
_KAFKA_FIXTURES = frozenset({"kafka_broker", "new_kafka"})
_REAL_FIXTURES = (
    _KUBE_FIXTURES
    | _KAFKA_FIXTURES
    | {"new_prometheus", "policy_evaluators", "chromium", "push_receiver"}
)
_BUILD = pytest.StashKey[subprocess.Popen[bytes]]()


settings.register_profile("untimed", deadline=None)
settings.register_profile("fast", deadline=None, max_examples=10)  # of `make test-fast`
settings.load_profile("untimed")


@pytest.fixture(autouse=True)
def own_process() -> Iterator[None]:
    """A command that is called in this process sets variables and the log for itself alone."""
    loggers = [logging.getLogger(name) for name in ("", "pipeline")]
    before = [(logger.level, list(logger.handlers)) for logger in loggers]
    environment = dict(os.environ)
    yield
    os.environ.clear()
    os.environ.update(environment)
    for logger, (level, handlers) in zip(loggers, before, strict=True):
        logger.setLevel(level)
        logger.handlers[:] = handlers


def pytest_configure() -> None:
    """SIGTERM ends the session as Ctrl-C does, so that the servers it started end too."""
    signal.signal(signal.SIGTERM, signal.default_int_handler)


@pytest.hookimpl(tryfirst=True)
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Marks tests by the fixtures that they use.

    Tests of the API server come last: building it takes minutes, the others run meanwhile. With
    `make test JOBS=2`, those of Kafka run in one process after another, and those of the API server
    in another one: there is one of each.
    """
    for item in items:
        if _needs(item, _REAL_FIXTURES):
            item.add_marker("real")
        if _needs(item, _KAFKA_FIXTURES):
            item.add_marker(pytest.mark.xdist_group("kafka"))
        elif _needs_kube(item):
            item.add_marker(pytest.mark.xdist_group("kube"))
    items.sort(key=_needs_kube)


def pytest_collection_finish(session: pytest.Session) -> None:
    """Begin to build the API server where a chosen test needs it and the cache has none."""
    if (
        os.environ.get(apiserver.VARIABLE)
        or os.environ.get("PYTEST_XDIST_WORKER", "gw0") != "gw0"
        or session.config.option.collectonly
        or session.testsfailed
    ):
        return
    if any(map(_needs_kube, session.items)) and not kube.cached():
        command = [sys.executable, "-m", "tests.real.kube", "--build"]
        quiet = subprocess.DEVNULL
        session.config.get_terminal_writer().line(
            "building the Kubernetes API server: minutes, once"
        )
        session.config.stash[_BUILD] = subprocess.Popen(
            command,
            cwd=session.config.rootpath,
            stdout=quiet,
            stderr=quiet,
            start_new_session=True,
        )


def pytest_sessionfinish(session: pytest.Session) -> None:
    """A build that no test waited for ends with the session."""
    build = session.config.stash.get(_BUILD, None)
    if build is not None and build.poll() is None:
        os.killpg(build.pid, signal.SIGTERM)
        build.wait()


def _needs_kube(item: pytest.Item) -> bool:
    return _needs(item, _KUBE_FIXTURES)


def _needs(item: pytest.Item, fixtures: frozenset[str]) -> bool:
    return not fixtures.isdisjoint(getattr(item, "fixturenames", ()))


@pytest.hookimpl(wrapper=True)
def pytest_runtest_setup() -> Generator[None, object, object]:
    """A missing part is a skip on a laptop and a failure in CI."""
    try:
        return (yield)
    except parts.Missing as missing:
        if os.environ.get("CI") == "true":
            raise
        pytest.skip(str(missing))


@pytest.fixture(autouse=True)
def _no_limit_is_reached() -> None:
    """What a process says once, each test hears."""
    limits._reached.clear()


@pytest.fixture
def new_prometheus(tmp_path: Path) -> Iterator[Callable[[Mapping[str, object]], Prometheus]]:
    """Starts a Prometheus with the configuration given; it ends with the test."""
    parts.debian("prometheus", "prometheus")
    with ExitStack() as stack:
        yield lambda config: stack.enter_context(Prometheus(config, tmp_path))


@pytest.fixture(scope="session")
def push_receiver() -> Iterator[PushReceiver]:
    """A server that reads Loki's protobuf and OTLP."""
    with pushed_to() as found:
        yield found


@pytest.fixture(scope="session")
def policy_evaluators() -> Iterator[Evaluators]:
    """What cyclonus and kube-network-policies say of connections."""
    with evaluators() as found:
        yield found


@pytest.fixture(scope="session")
def chromium(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    """The session's browser, without a window."""
    axe()
    with browser(tmp_path_factory.mktemp("chromium")) as started:
        yield started


@pytest.fixture(scope="session")
def kafka_broker(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Broker]:
    """The session's broker: tests make topics of their own and leave it running.

    It may be someone else's.
    """
    with foreign() or kafka.Kafka(tmp_path_factory.mktemp("kafka")) as broker:
        yield broker


@pytest.fixture
def new_kafka(tmp_path: Path) -> Iterator[Callable[[Security | None], kafka.Kafka]]:
    """Starts a broker to stop, kill or secure; it ends with the test."""
    kafka.jars()
    with ExitStack() as stack:
        yield lambda security: stack.enter_context(kafka.Kafka(tmp_path, security=security))


@pytest.fixture(scope="session")
def kube_server(tmp_path_factory: pytest.TempPathFactory) -> Iterator[ApiServer]:
    """The session's API server: tests make namespaces of their own and leave it running.

    It may be someone else's: nothing is touched there but what the tests made.
    """
    reach = apiserver.foreign()
    with ApiServer(reach) if reach else kube.Kube(tmp_path_factory.mktemp("kube")) as server:
        yield server


@pytest.fixture
def space(kube_server: ApiServer) -> Iterator[str]:
    """A namespace of the test's own on the session's API server."""
    with new_namespace(kube_server) as name:
        yield name


@pytest.fixture(scope="session")
def kube_is_ours() -> None:
    """Skips what someone else's API server is not for."""
    if file := os.environ.get(apiserver.VARIABLE):
        pytest.skip(f"needs an API server of its own, and {apiserver.VARIABLE} is {file}")


@pytest.fixture(scope="session")
def own_kube_server(kube_server: ApiServer) -> kube.Kube:
    """The session's API server, where it was started here."""
    if not isinstance(kube_server, kube.Kube):
        pytest.skip(f"needs an API server that was started here: {kube_server.reach.url} was not")
    return kube_server


@pytest.fixture
def new_kube(request: pytest.FixtureRequest, tmp_path: Path) -> Iterator[kube.Kube]:
    """An API server to stop, kill or wipe; it ends with the test."""
    request.getfixturevalue("kube_is_ours")
    with kube.Kube(tmp_path) as server:
        yield server
