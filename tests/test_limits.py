"""Limits that take effect: each is said once, in the log and in /readyz."""

from __future__ import annotations

import json
import logging
from pathlib import Path
from urllib.request import urlopen

import pytest

from pipeline import config, limits
from pipeline.app.job import Job

CONFIG = """\
stages:
  - {name: flows, type: ingest_file, path: flows.json, decoder: json}
  - {name: expose, type: encode_prometheus, follows: flows, metrics: [{name: flows_total}]}
"""


def test_a_limit_is_said_once(caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.WARNING):
        for effect in ("first", "second"):
            limits.reached("more than 5 things", effect)
        limits.reached("more than 7 things", "third")
    said = ["more than 5 things: first", "more than 7 things: third"]
    assert caplog.messages == said
    assert limits.in_effect() == said


def test_a_run_says_its_limits_in_readyz(tmp_path: Path) -> None:
    """A limit makes a run no less ready."""
    (tmp_path / "config.yaml").write_text(CONFIG)
    (tmp_path / "flows.json").write_text("{}\n")
    job = Job(config.load(tmp_path / "config.yaml"))
    job.run()
    with job.server("127.0.0.1:0") as server:
        with urlopen(f"{server.url}/readyz") as page:
            assert json.load(page) == {"status": "ready"}
        limits.reached("more than 5 things", "others are not known")
        with urlopen(f"{server.url}/readyz") as page:
            said = ["more than 5 things: others are not known"]
            assert json.load(page) == {"status": "ready", "limits": said}
    job.close()
