"""The original's case whose parameters change on the way: what this engine gives."""

from __future__ import annotations

import shutil
from pathlib import Path

import yaml

from pipeline import config
from pipeline.app.job import Job

CASE = Path(__file__).parent / "dynamic-reload"
STDIN = "{type: stdin}"
FILE = "{type: file, file: {filename: flows.jsonl, decoder: {type: json}}}"


def samples(text: str) -> set[str]:
    starts = ("netobserv_", "# TYPE netobserv_")
    return {line for line in text.splitlines() if line.startswith(starts)}


def test_dynamic_parameters_take_over(tmp_path: Path) -> None:
    """The ConfigMap is in a file, which is seen to change; three flows before and three after."""
    flows = (CASE / "flows.jsonl").read_text().splitlines(keepends=True)
    path, recording, kept = (
        tmp_path / name for name in ("config.yaml", "flows.jsonl", "kubeconfig")
    )
    path.write_text((CASE / "config.yaml").read_text().replace(STDIN, FILE))
    recording.write_text("".join(flows[:3]))
    shutil.copy(CASE / "kube.yaml", kept)
    job = Job(config.load(path))
    job.run()
    before = job.fingerprints()
    changed = yaml.safe_load(kept.read_text())
    changed["data"] = yaml.safe_load((CASE / "reload.yaml").read_text())
    kept.write_text(yaml.safe_dump(changed))
    assert job.fingerprints() != before
    job.reload(config.load(path))
    recording.write_text("".join(flows[3:]))
    job.run()
    assert samples(job.exposer.page()) == samples((CASE / "ours.prom").read_text())
    job.close()
