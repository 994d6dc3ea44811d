"""A document from a file and options (docs/reference/flowlogs-pipeline.md#command-line)."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline.config import loader
from pipeline.config.flp import arguments
from pipeline.diagnostics import ConfigError, Location

PIPELINE = [{"name": "in"}, {"name": "out", "follows": "in"}]
PARAMETERS = [
    {"name": "in", "ingest": {"type": "stdin"}},
    {"name": "out", "write": {"type": "stdout", "stdout": {"format": "json"}}},
]
TEXTS = {"pipeline": json.dumps(PIPELINE), "parameters": json.dumps(PARAMETERS)}


def test_texts_are_enough() -> None:
    config = loader.of(arguments.assembled(None, TEXTS), Path())
    assert [(stage.name, stage.follows) for stage in config.stages] == [("in", []), ("out", "in")]


def test_a_text_takes_the_place_of_the_block_of_the_file(tmp_path: Path) -> None:
    """Its names have any case there; nothing of the block is left."""
    file = tmp_path / "flp.json"
    first = {"PIPELINE": [{"name": "x"}], "parameters": PARAMETERS, "metricsSettings": {"port": 1}}
    file.write_text(json.dumps(first))
    given = {"pipeline": TEXTS["pipeline"], "metricsSettings": '{"prefix": "op_"}'}
    config = loader.of(arguments.assembled(file, given), Path())
    assert [stage.name for stage in config.stages] == ["in", "out"]
    assert config.settings.server.listen.endswith(":9090")
    assert config.settings.self_metrics.prefix == "op_"


def test_a_dot_leads_into_a_block(tmp_path: Path) -> None:
    file = tmp_path / "flp.yaml"
    file.write_text("health: {address: '::1', port: 1}\n")
    document = arguments.assembled(file, {**TEXTS, "health.port": "8080"})
    assert loader.of(document, Path()).settings.server.health == "[::1]:8080"
    document = arguments.assembled(file, {**TEXTS, "healthAddr": "[::]:8081"})
    assert loader.of(document, Path()).settings.server.health == "[::]:8081"


def test_problems_have_the_place_in_the_option() -> None:
    given = {**TEXTS, "parameters": '[{"name": "in",\n "ingest": {"typ": "stdin"}}]'}
    with pytest.raises(ConfigError) as caught:
        loader.of(arguments.assembled(None, given), Path())
    assert Location("--parameters", 2, 13) in [found.place for found in caught.value.problems]


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("stages: []", "this is a pipeline file of flowmatrix itself; flowmatrix run "),
        ("parameters: []", "there is no pipeline: give --config, or --pipeline with --parameters"),
        ("[]", "expected a mapping with pipeline and parameters"),
        ("", "expected a mapping with pipeline and parameters"),
        ("{", "invalid YAML: "),
    ],
)
def test_a_file_without_a_pipeline_is_refused(text: str, message: str, tmp_path: Path) -> None:
    file = tmp_path / "flp.yaml"
    file.write_text(text)
    with pytest.raises(ConfigError, match=f"flp.yaml(:\\d+:\\d+)?: error: {message}"):
        arguments.assembled(file, {})


def test_toml_is_read_as_the_rest(tmp_path: Path) -> None:
    file = tmp_path / "flp.toml"
    file.write_text(
        """\
log-level = "info"
[[pipeline]]
name = "out"
follows = "in"
[[parameters]]
name = "in"
[parameters.ingest]
type = "stdin"
[[parameters]]
name = "out"
[parameters.write]
type = "none"
"""
    )
    assert [stage.name for stage in loader.load(file).stages] == ["in", "out"]
    assert loader.of(arguments.assembled(file, {}), Path()).settings.log_level == "info"
    file.write_text("stages = []\n")
    with pytest.raises(ConfigError, match="a native pipeline file is YAML or JSON, not TOML"):
        loader.load(file)


def test_the_default_file_is_the_first_of_the_home_folder(tmp_path: Path) -> None:
    assert arguments.default_file(tmp_path) is None
    for suffix in ("", ".yml", ".yaml", ".toml", ".json"):
        file = tmp_path / f".flowlogs-pipeline{suffix}"
        file.touch()
        assert arguments.default_file(tmp_path) == file
