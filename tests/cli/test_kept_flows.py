"""Flows of files on the page: the same as `flowmatrix flows` prints, the newest first."""

from __future__ import annotations

import json
from pathlib import Path

import polars as pl
import pytest

from page.recent import MOST, Asked, FlowsPage, Of
from pipeline.api.server import UnansweredError
from pipeline.cli.kept_flows import KeptFlows, kept_by, kept_in
from pipeline.config.loader import load
from pipeline.testing import frame
from tests.support.commands import flowmatrix
from tests.support.kept import flow, parquet

FROM, TO = 'SrcAddr = "10.0.0.7"', 'DstAddr = "10.0.0.7"'


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """Ten flows in three files."""
    flows = [flow(number) for number in range(1, 11)]
    for at, name in [(0, "a"), (4, "b"), (8, "c")]:
        parquet(tmp_path / f"{name}.parquet", frame(flows[at : at + 4]))
    return tmp_path


def times(found: FlowsPage) -> list[float | None]:
    return [one and round(one) for one in found.times]


def test_the_newest_of_all_files_come_first(folder: Path) -> None:
    found = kept_in([folder]).page(Asked(of=Of.FILES, limit=6))
    assert (found.held, found.total, found.whole) == (10, 10, True)
    assert times(found) == [10, 9, 8, 7, 6, 5]
    ends = ["SrcAddr", "SrcPort", "DstAddr", "DstPort"]
    assert found.columns == ["TimeFlowEndMs", *ends, "Proto", "Bytes", "Packets"]
    assert sum(edge.flows for edge in found.edges) == 10


@pytest.mark.parametrize(
    ("asked", "options"),
    [
        (Asked(query=FROM), ["--query", FROM]),
        (Asked(query=TO), ["--query", TO]),
        (Asked(query=TO, both=True), ["--query", TO, "--both-ways"]),
        (
            Asked(since=3_000, until=6_000),
            ["--since", "1970-01-01T00:00:03Z", "--until", "1970-01-01T00:00:06Z"],
        ),
        (Asked(query="Bytes > 10"), ["--query", "Bytes > 10"]),
    ],
)
def test_as_the_command_finds_them(folder: Path, asked: Asked, options: list[str]) -> None:
    done = flowmatrix("flows", folder, *options, "--format", "json", "--columns", "TimeFlowEndMs")
    wanted = [one["TimeFlowEndMs"] // 1000 for one in json.loads(done.stdout)]
    found = kept_in([folder]).page(asked)
    assert times(found) == wanted[::-1]
    assert found.total == len(wanted)


def test_of_many_flows_the_newest_files_are_looked_at(folder: Path) -> None:
    """An answer says that there are older ones, and is bounded."""
    found = KeptFlows(lambda: sorted(folder.glob("*.parquet")), enough=3).page(Asked())
    assert (found.held, found.whole) == (6, False)
    assert times(found) == [10, 9, 8, 7, 6, 5]
    parquet(folder / "d.parquet", frame([flow(number) for number in range(MOST + 7)]))
    many = kept_in([folder]).page(Asked(limit=MOST))
    assert (many.total, many.whole, len(many.values[0])) == (MOST, False, MOST)


def test_a_new_file_is_seen_and_an_old_one_may_go(folder: Path) -> None:
    kept = kept_in([folder])
    first = kept.page(Asked())
    assert kept.page(Asked()) is first, "nothing has changed"
    parquet(folder / "d.parquet", frame([flow(11)]))
    (folder / "a.parquet").unlink()
    found = kept.page(Asked())
    assert (found.held, times(found)[0]) == (7, 11)


@pytest.mark.parametrize("content", [b"PAR1 and no more", b""])
def test_a_file_that_cannot_be_read_is_named_and_the_others_are_shown(
    folder: Path, content: bytes
) -> None:
    (folder / "b.parquet").write_bytes(content)
    found = kept_in([folder]).page(Asked())
    assert found.held == 6
    (note,) = found.notes
    assert "b.parquet" in note


def test_files_may_have_different_fields(folder: Path) -> None:
    parquet(folder / "d.parquet", frame([flow(11, Flags=2)]))
    kept = kept_in([folder])
    found = kept.page(Asked(columns="Flags,SrcAddr", limit=2))
    assert found.values == [[2, None], ["10.0.0.11", "10.0.0.10"]]
    with pytest.raises(UnansweredError, match='columns: no flow has a field "Flag"'):
        kept.page(Asked(columns="Flag"))
    with pytest.raises(UnansweredError, match="query: "):
        kept.page(Asked(query="Flags ="))


def test_a_pipeline_that_keeps_flows(tmp_path: Path) -> None:
    """Also before its first file is finished."""
    path = tmp_path / "pipeline.yaml"
    (tmp_path / "flows.jsonl").write_text("")
    path.write_text(
        "stages:\n"
        "- {name: flows, type: ingest_file, path: flows.jsonl, decoder: json}\n"
        "- {name: raw, type: write_parquet, follows: flows, folder: kept}\n"
    )
    kept = kept_by(load(path))
    assert kept
    assert (kept.page(Asked()).held, kept.page(Asked()).columns) == (0, [])
    (tmp_path / "kept").mkdir()
    parquet(tmp_path / "kept" / "a.parquet", frame([flow(1)]))
    assert times(kept.page(Asked())) == [1]
    path.write_text(
        "stages:\n- {name: flows, type: ingest_file, path: flows.jsonl, decoder: json}\n"
        "- {name: out, type: write_stdout, follows: flows}\n"
    )
    assert kept_by(load(path)) is None


def test_a_field_of_odd_values_alone_stops_no_page(tmp_path: Path) -> None:
    """It has no column but that behind U+001F."""
    odd = pl.DataFrame({"SrcAddr": ["10.0.0.1"], "\x1fBytes": ['"x"']})
    odd.write_parquet(tmp_path / "a.parquet")
    found = kept_in([tmp_path]).page(Asked(of=Of.FILES))
    assert (found.total, found.columns, found.notes) == (1, ["SrcAddr"], [])


def test_bytes_in_a_file_are_a_note(tmp_path: Path) -> None:
    """The page shows the flows of the other files."""
    parquet(tmp_path / "a.parquet", frame([flow(1)]))
    path = tmp_path / "b.parquet"
    pl.DataFrame({"SrcAddr": [b"\xff"]}).write_parquet(path)
    found = kept_in([tmp_path]).page(Asked(of=Of.FILES))
    assert found.total == 1
    (note,) = found.notes
    assert 'column "SrcAddr": it has bytes that are not text in UTF-8' in note
    assert str(path) in note


def test_a_recording_that_is_gone_or_cut_is_told(tmp_path: Path) -> None:
    """An answer without its flows looks whole. Of a folder, files may go."""
    gone, cut = tmp_path / "gone.jsonl", tmp_path / "cut.jsonl"
    for one in (gone, cut):
        one.write_text('{"SrcAddr": "10.0.0.1", "Bytes": 1}\n' * 3)
    kept = kept_in([gone, cut])
    assert kept.page(Asked(of=Of.FILES)).notes == []
    gone.unlink()
    cut.write_text(cut.read_text()[:-10])
    found = kept.page(Asked(of=Of.FILES))
    assert found.held == 2
    assert len(found.notes) == 2
    assert found.notes[0] == f"{cut}: 1 rejected"
    assert "No such file" in found.notes[1]
    assert str(gone) in found.notes[1]
