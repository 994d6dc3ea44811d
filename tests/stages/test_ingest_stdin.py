"""The stdin source: what it reads, and what stands in its place."""

import subprocess
import sys
from pathlib import Path

from pipeline.stage import SourceContext
from stages.ingest_stdin import IngestStdin


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
