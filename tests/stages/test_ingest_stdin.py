"""The stdin source: batches, and a trickle that comes through within the linger."""

import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from threading import Event

from pipeline.decode.framing import chunks
from pipeline.stage import SourceContext
from stages.ingest_stdin import IngestStdin, arriving


@contextmanager
def pipe() -> Iterator[tuple[int, int]]:
    reading, writing = os.pipe()
    try:
        yield reading, writing
    finally:
        os.close(reading)


def test_what_has_arrived_comes_through_within_the_linger() -> None:
    with pipe() as (reading, writing):
        stream = chunks(arriving(reading, 0.05, SourceContext()), "json", 1000)
        for number in (1, 2):
            os.write(writing, b'{"n":%d}\n{"half' % number)
            started = time.monotonic()
            got = next(stream)
            assert 0.04 < time.monotonic() - started < 1
            assert got[-1] == b'{"n":%d}' % number
            os.write(writing, b'":0}\n')
        os.close(writing)
        assert list(stream) == [[b'{"half":0}']]


def test_a_steady_stream_does_not_postpone_the_linger() -> None:
    with pipe() as (reading, writing):
        blocks = arriving(reading, 0.0, SourceContext())
        for _ in range(3):
            os.write(writing, b"x")
            assert next(blocks) == b"x"
            assert next(blocks) == b""
        os.close(writing)
        assert list(blocks) == []


def test_a_full_batch_does_not_wait() -> None:
    with pipe() as (reading, writing):
        os.write(writing, b"{}\n" * 5)
        stream = chunks(arriving(reading, 60.0, SourceContext()), "json", 2)
        assert [next(stream) for _ in range(2)] == [[b"{}", b"{}"]] * 2
        os.close(writing)
        assert list(stream) == [[b"{}"]]


def test_reads_standard_input_to_its_end() -> None:
    program = (
        "from pipeline.stage import BuildContext, SourceContext\n"
        "from stages.ingest_stdin import IngestStdin\n"
        "stage = IngestStdin(name='in', batch_size=2)\n"
        "decode = stage.decode(BuildContext())\n"
        "for payloads in stage.chunks(SourceContext()):\n"
        "    decoded = decode(payloads)\n"
        "    print(decoded.flows['Bytes'].to_list(), len(decoded.rejected))\n"
    )
    lines = b'{"Bytes":1}\n{"Bytes":2}\nnot json\n{"Bytes":3}'
    done = subprocess.run(
        [sys.executable, "-c", program], input=lines, capture_output=True, check=True
    )
    assert done.stdout.decode().splitlines() == ["[1, 2] 0", "[3] 1"]


def test_replay_reads_a_file_with_the_same_decoder(tmp_path: Path) -> None:
    (tmp_path / "flows").write_bytes(b'{"Bytes":4}')
    stage = IngestStdin(name="in").replay(tmp_path / "flows")
    assert list(stage.chunks(SourceContext())) == [[b'{"Bytes":4}']]
    assert stage.name == "in"


def test_waiting_ends_when_the_run_is_to_end() -> None:
    with pipe() as (reading, writing):
        stopping = Event()
        blocks = arriving(reading, 60.0, SourceContext(stopping=stopping))
        os.write(writing, b"x")
        assert next(blocks) == b"x"
        stopping.set()
        assert list(blocks) == []
        os.close(writing)
