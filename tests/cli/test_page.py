"""`page`, as a command: it says where it is, and ends at a signal."""

from __future__ import annotations

import json
import re
import signal
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any
from urllib.error import HTTPError
from urllib.request import urlopen

import pytest

from matrix.approved import Approved, dump
from pipeline.app.job import Job
from pipeline.cli import edge_api, page_api
from pipeline.config.loader import load
from pipeline.testing import frame
from simulate import Simulation
from tests.support.commands import flowmatrix
from tests.support.kept import flow, parquet

pytestmark = pytest.mark.slow
COMMAND = str(Path(sys.executable).with_name("flowmatrix"))


@contextmanager
def page(*arguments: object) -> Iterator[str]:
    """The URL of a page that is served."""
    command = [COMMAND, "page", *map(str, arguments), "--listen", "127.0.0.1:0"]
    with subprocess.Popen(command, stderr=subprocess.PIPE, text=True) as process:
        assert process.stderr
        told = iter(process.stderr.readline, "")
        line = next(line for line in told if "the page is at" in line)
        found = re.search(r"http://\S+/page/", line)
        assert found
        try:
            yield found[0]
        finally:
            process.send_signal(signal.SIGTERM)
        assert process.wait(60) == 0


def asked(url: str, name: str) -> Any:
    with urlopen(f"{url}../api/v0/{name}".replace("/page/..", "")) as answer:
        return json.load(answer)


def test_a_recording_with_an_inventory(made: Simulation) -> None:
    with page(made.recording, "--inventory", made.inventory) as url:
        assert urlopen(url).status == 200
        assert asked(url, "about")["source"] == str(made.recording)
        assert asked(url, "edges")["total"] > 0
        assert asked(url, "flows")["held"] == made.flows
        assert asked(url, "flows?of=files")["held"] == made.flows
        assert asked(url, "about")["can"] == ["flows", "files"]


def test_a_pipeline_is_read_and_nothing_is_written(made: Simulation, tmp_path: Path) -> None:
    """Neither by its writers nor as dead letters; a running worker may write to the same places."""
    letters, config = tmp_path / "letters", made.config.with_name("page.yaml")
    letters.write_text("kept")
    out = f"- {{name: raw, type: write_parquet, follows: flows, folder: {tmp_path / 'raw'}}}\n"
    text = made.config.read_text().replace("stages:\n", f"stages:\n{out}")
    config.write_text(f"dead_letters: {{file: {letters}}}\n{text}")
    with page(config) as url:
        assert asked(url, "edges")["total"] > 0
    assert letters.read_text() == "kept"
    assert list(tmp_path.iterdir()) == [letters]


def test_a_folder_of_parquet_files(tmp_path: Path) -> None:
    """Its edges and its flows; there is no worker, and nothing is the latest."""
    parquet(tmp_path / "a.parquet", frame([flow(number) for number in range(1, 4)]))
    approved = tmp_path / "approved.yaml"
    approved.write_text(dump(Approved()))
    with page(tmp_path, "--approved", approved) as url:
        assert asked(url, "about")["can"] == ["approve", "files"]
        assert asked(url, "edges")["total"] == 3
        assert asked(url, "drift")["counts"]["new"] == 3
        assert asked(url, "flows?of=files&limit=1")["values"][0] == [3000]
        with pytest.raises(HTTPError, match="404"):
            asked(url, "flows")


def test_several_recordings(made: Simulation, tmp_path: Path) -> None:
    other = tmp_path / "other.jsonl"
    other.write_text('{"SrcAddr": "192.0.2.1", "DstAddr": "192.0.2.2", "Bytes": 1}\n')
    with page(made.recording, other) as url:
        found = asked(url, "flows?of=files&limit=1&columns=SrcAddr")
        assert found["values"] == [["192.0.2.1"]]
        assert found["held"] == made.flows + 1
        assert asked(url, "edges")["total"] > 1


def test_a_running_worker(made: Simulation) -> None:
    job = Job(load(made.config))
    documents = page_api.worker_documents(job, edge_api.Edges(job), "a worker")
    job.run()
    with (
        job.server("127.0.0.1:0", documents) as worker,
        page("--server", worker.url) as url,
    ):
        assert asked(url, "about") == {
            **asked(url, "about"),
            "source": worker.url,
            "can": ["flows"],
        }
        assert asked(url, "flows")["held"] == made.flows
        assert asked(url, "matrix?namespace=netobserv")["clients"]
        (fares,) = asked(url, "health")["workers"]
        assert (fares["worker"], fares["reason"]) == (worker.url, "")
    job.close()


@pytest.mark.parametrize(
    ("arguments", "why"),
    [
        ([], "give one of FILE (or --input), --state DIR and --server URL\n"),
        (["--server", "http://x", "--state", "y"], "give one of FILE"),
        (["--state", "gone"], 'no folder "gone" with a state'),
        ([".", "--state", "y"], "are shown by themselves"),
        (["x", "--listen", "9480"], '"9480" is not host:port'),
        (["x", "--approved", "none.yaml"], 'no file "none.yaml"'),
    ],
)
def test_what_is_wrong_with_the_options(arguments: list[str], why: str) -> None:
    done = flowmatrix("page", *arguments)
    assert done.exit_code == 2
    assert why in done.stderr


def test_a_folder_without_flows(tmp_path: Path) -> None:
    done = flowmatrix("page", tmp_path)
    assert done.exit_code == 1
    assert "has no Parquet file" in done.stderr
