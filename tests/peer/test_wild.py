"""Configurations in the wild: what the original accepts is accepted, what it refuses is refused.

FLP_SOURCES names folders with sources of NetObserv, such as flowlogs-pipeline and the CLI; every
configuration in them is tried, those in ConfigMaps too.
"""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import yaml

from pipeline import config
from pipeline.diagnostics import ConfigError
from tests.peer.original import VARIABLE, binary

pytestmark = pytest.mark.slow

SOURCES = [Path(name) for name in os.environ.get("FLP_SOURCES", "").split(os.pathsep) if name]
KNOWN = {
    "contrib/kubernetes/ipfix-collector-stdout.yaml": True,
    "contrib/local/ipfix-collector-stdout.yaml": True,
    "hack/examples/docker-ipfix-config.yaml": True,
    "pkg/test/e2e/kafka/flp-configs.yaml": True,
    "res/collector-pipeline-config.json": True,
    "res/metrics-pipeline-config.json": True,
    "contrib/benchmarks/baseline/config.yaml": False,
    "contrib/benchmarks/transform/config.yaml": False,
    "contrib/kubernetes/flowlogs-pipeline.conf.yaml": False,
    "contrib/opentelemetry/flp.yml": False,
    "hack/examples/ipfix-manifests/enrich-ipfix-config.yaml": False,
    "hack/examples/ocp-ipfix-config.yaml": False,
}
"""Files that were seen, and whether the original accepts them: some are older than its form."""
LATER = re.compile("kubenetes|no such file|bind: |connection refused")
"""Why an original ends that has accepted its configuration."""
HERE = re.compile(r"no file /|needs \"file_path\"")
"""What this engine looks at before it runs: docs/differences.md has the database of places."""
WAIT = 5


def configurations(file: Path) -> Iterator[str]:
    """The texts with a pipeline: the file itself, or what the ConfigMaps in it have."""
    text = file.read_text()
    try:
        documents: list[Any] = list(yaml.safe_load_all(text))
    except yaml.YAMLError:
        return
    for one in documents:
        if isinstance(one, dict) and one.get("kind") == "ConfigMap":
            own = (one.get("data") or {}).values()
            yield from (part for part in own if is_pipeline(part))
        elif len(documents) == 1 and is_pipeline(text):
            yield text


def is_pipeline(text: str) -> bool:
    try:
        data = yaml.safe_load(text)
    except yaml.YAMLError:
        return False
    return isinstance(data, dict) and {"pipeline", "parameters"} <= data.keys()


def refusal(text: str, folder: Path) -> str:
    """What this engine says against a configuration."""
    try:
        config.loads(text, "flp.yaml", folder)
    except ConfigError as error:
        return "" if all(HERE.search(str(one)) for one in error.problems) else str(error)
    return ""


def refused_there(text: str, folder: Path) -> str:
    """What the original says; nothing when it still runs after a while."""
    file = folder / "flp.yaml"
    file.write_text(text)
    command = [str(binary()), "--config", str(file)]
    try:
        done = subprocess.run(
            command, capture_output=True, text=True, check=False, timeout=WAIT, cwd=folder
        )
    except subprocess.TimeoutExpired:
        return ""
    log = done.stdout + done.stderr
    return "" if done.returncode == 0 or LATER.search(log) else log[-1000:]


@pytest.mark.skipif(not SOURCES, reason="FLP_SOURCES names no folder")
@pytest.mark.parametrize("source", SOURCES, ids=lambda path: path.name)
def test_each_is_accepted_by_both_or_by_none(source: Path, tmp_path: Path) -> None:
    files = [path for end in ("yaml", "yml", "json") for path in source.rglob(f"*.{end}")]
    seen = 0
    for file in sorted(files):
        name = file.relative_to(source).as_posix()
        if name.startswith(("vendor/", ".")):
            continue
        for text in configurations(file):
            seen += 1
            said = refusal(text, tmp_path)
            assert bool(said) != KNOWN.get(name, not said), f"{name}: {said}"
            if os.environ.get(VARIABLE):
                there = refused_there(text, tmp_path)
                assert bool(said) == bool(there), f"{name}: {said} / {there}"
    assert seen
