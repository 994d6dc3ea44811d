"""A file that is read again and again."""

from __future__ import annotations

from itertools import islice
from pathlib import Path

import pytest

from pipeline.config.loader import ConfigError, loads
from pipeline.stage import SourceContext
from stages import ingest_file_loop
from stages.ingest_file_loop import IngestFileLoop

STAGE = "{name: flows, type: ingest_file_loop, path: flows.jsonl, decoder: json%s}"
PIPELINE = f"stages:\n- {STAGE}\n- {{name: end, type: discard, follows: flows}}"


def loop(folder: Path, more: str = "") -> IngestFileLoop:
    (folder / "flows.jsonl").write_text('{"n": 1}\n{"n": 2}\n{"n": 3}\n')
    [stage, _] = loads(PIPELINE % more, "pipeline.yaml", folder).stages
    assert isinstance(stage, IngestFileLoop)
    return stage


def test_a_round_comes_every_interval(tmp_path: Path) -> None:
    """The first after one interval; when two have gone by, there is one round."""
    times = iter([100.0, 100.0, 109.9, 110.0, 110.0, 119.0, 135.0, 135.0, 135.0, 135.0])
    runs = [[b"1", b"2"], [b"3"]]
    given = loop(tmp_path).rounds(runs, lambda: next(times))
    assert list(islice(given, 7)) == [[], [], *runs, [], *runs]


def test_it_gives_the_flows_of_the_file(tmp_path: Path) -> None:
    stage = loop(tmp_path, ", interval: 1ms, batch_size: 2")
    runs = [run for run in islice(stage.chunks(SourceContext(tmp_path)), 1_000_000) if run][:4]
    assert runs == [[b'{"n": 1}', b'{"n": 2}'], [b'{"n": 3}']] * 2


def test_an_interval_of_zero_is_refused(tmp_path: Path) -> None:
    with pytest.raises(ConfigError, match="an interval is longer than 0"):
        loop(tmp_path, ", interval: 0")


@pytest.mark.parametrize("content", [b'{"n": 1}\n' * 9, b'{"n": "%s"}' % (b"x" * 900)])
def test_flows_that_do_not_fit_are_refused(
    tmp_path: Path, content: bytes, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Many small ones, or few long ones."""
    stage = loop(tmp_path, ", batch_size: 1")
    (tmp_path / "flows.jsonl").write_bytes(content)
    monkeypatch.setattr(ingest_file_loop, "_MOST", 400)
    with pytest.raises(OSError, match=r"flows\.jsonl: its flows take more than 400 bytes"):
        stage.chunks(SourceContext(tmp_path))
