"""The senders of a process."""

from __future__ import annotations

from pathlib import Path
from typing import ClassVar

import pytest

from pipeline.push.destination import UnavailableError
from pipeline.runtime.failure import OutputError
from pipeline.runtime.outputs import Outputs
from pipeline.stage import Sink, Writer
from tests.push.support import Measured, Server, To, numbered, to


class Pushed(Writer, frozen=True, kw_only=True, tag="pushed"):
    """A writer to a server."""

    sink: ClassVar[Sink] = Sink.SERVER
    server: ClassVar[Server]

    def destination(self, folder: Path) -> To:
        return to(self.server, flush=0.2, min_backoff=30, max_backoff=30)


class Lost(Writer, frozen=True, kw_only=True, tag="lost"):
    """A writer to a server that it does not name."""

    sink: ClassVar[Sink] = Sink.SERVER


def test_a_stage_keeps_its_sender() -> None:
    """Another membership of the group goes on with the same queue; the end sends what waits."""
    Pushed.server, measured = Server(), Measured()
    outputs, writer = Outputs(measured), Pushed(name="out", follows="in")
    first = outputs.sender(writer, Path())
    first.put(numbered(0, 3))
    assert outputs.sender(writer, Path()) is first
    outputs.close()
    assert Pushed.server.batches == [[0, 1, 2]]
    assert outputs.problems() == []


def test_problems_name_the_stage() -> None:
    def away(_: int) -> None:
        raise UnavailableError("connection refused")

    Pushed.server, measured = Server(away), Measured()
    outputs = Outputs(measured)
    outputs.sender(Pushed(name="out", follows="in"), Path()).put(numbered(0, 3))
    outputs.close()
    (problem,) = outputs.problems()
    assert problem.startswith('stage "out": a server: ')
    assert measured.flows() == (0, 3, 0)


def test_a_writer_without_a_server() -> None:
    with pytest.raises(OutputError, match='stage "lost" does not say which server it writes to'):
        Outputs(Measured()).sender(Lost(name="lost", follows="in"), Path())
