"""Records of writers on their way to a sink (topics: tests/kafka/test_encode_kafka.py)."""

from __future__ import annotations

import threading
from pathlib import Path
from typing import ClassVar

import polars as pl
import pytest

from pipeline.exposition.self_metrics import Telemetry
from pipeline.kafka.connection import BrokerError
from pipeline.parquet.spool import Spool
from pipeline.plan.compile import compile_plan
from pipeline.runtime.delivery import Blocking
from pipeline.runtime.outputs import Outputs
from pipeline.stage import BuildContext, Sink, Writer
from stages.discard import Discard
from stages.write_parquet import WriteParquet
from stages.write_stdout import WriteStdout


def lost(flows: float, stage: str) -> None:
    """No flow is lost here."""
    raise AssertionError((flows, stage))


def blocking(*writers: Writer, folder: Path = Path()) -> Blocking:
    telemetry = Telemetry(compile_plan([], BuildContext()), process=False)
    return Blocking(writers, folder, lost, Outputs(telemetry), threading.Event())


class Lost(Writer, frozen=True, kw_only=True, tag="lost"):
    """A writer to a topic that it does not name."""

    sink: ClassVar[Sink] = Sink.KAFKA


def test_lines_to_standard_output(capsys: pytest.CaptureFixture[str]) -> None:
    """In the order of the stages; into a pipe they go as they are."""
    one, two = (WriteStdout(name=name, follows="in") for name in ("one", "two"))
    with blocking() as delivery:
        delivery.deliver([(one, ["a", "b\x1b"]), (two, ["c"])])
        delivery.deliver([(one, [])])
    assert capsys.readouterr().out == "a\nb\x1b\nc\n"


def test_what_is_discarded_goes_nowhere(capsys: pytest.CaptureFixture[str]) -> None:
    with blocking() as delivery:
        delivery.deliver([(Discard(name="d", follows="in"), ["a"])])
    assert capsys.readouterr().out == ""


def test_a_writer_without_a_topic() -> None:
    """It is named; records are never dropped in silence."""
    with (
        blocking() as delivery,
        pytest.raises(BrokerError, match='stage "lost" does not say which topic it writes to'),
    ):
        delivery.deliver([(Lost(name="lost", follows="in"), ["a"])])


def test_what_a_killed_process_has_left_becomes_files_without_new_flows(tmp_path: Path) -> None:
    spool = Spool(tmp_path / ".flows-20261129T000000Z-0a.spool")
    spool.append(pl.DataFrame({"Bytes": [1, 2]}))
    spool.close()
    with blocking(WriteParquet(name="raw", follows="in", folder="."), folder=tmp_path):
        (file,) = tmp_path.iterdir()
        assert file.suffix == ".parquet"
        assert pl.read_parquet(file)["Bytes"].to_list() == [1, 2]


def test_a_folder_is_not_made_before_there_are_flows(tmp_path: Path) -> None:
    with blocking(WriteParquet(name="raw", follows="in", folder="raw"), folder=tmp_path):
        pass
    assert list(tmp_path.iterdir()) == []
