"""Parameters from outside the file: from a mounted file, from the ConfigMap of a file."""

from __future__ import annotations

import json
from pathlib import Path

import pytest

from pipeline import config
from pipeline.config.loader import Config, ConfigError

HEAD = """\
pipeline:
- {name: in}
- {name: keep, follows: in}
- {name: out, follows: keep}
parameters:
- {name: in, ingest: {type: stdin}}
- {name: out, write: {type: stdout, stdout: {format: json}}}
"""
KEEP = {
    "name": "keep",
    "transform": {
        "type": "filter",
        "filter": {"rules": [{"type": "keep_entry_query", "keepEntryQuery": "Proto=6"}]},
    },
}
CONFIG_MAP = """\
apiVersion: v1
kind: ConfigMap
metadata: {name: dyn, namespace: netobserv}
data:
  config.json: |
"""


def loaded(folder: Path, dynamic: str, text: str = "") -> Config:
    """The configuration whose dynamic parameters are described so."""
    path = folder / "flp.yaml"
    path.write_text(f"{text or HEAD}dynamicParameters: {dynamic}\n")
    return config.load(path, environ={})


def refusal(folder: Path, dynamic: str, text: str = "") -> list[str]:
    with pytest.raises(ConfigError) as caught:
        loaded(folder, dynamic, text)
    return [str(one).replace(f"{folder}/", "") for one in caught.value.problems]


def config_map(folder: Path, text: str) -> None:
    """A file with the ConfigMap."""
    lines = "".join(f"    {line}\n" for line in text.splitlines())
    (folder / "objects.yaml").write_text(CONFIG_MAP + lines)


IN_MAP = "{namespace: netobserv, name: dyn, fileName: config.json, kubeConfigPath: objects.yaml}"


@pytest.mark.parametrize("text", [json.dumps({"parameters": [KEEP]}), "Parameters: [%s]\n"])
def test_a_mounted_file_fills_the_stages(tmp_path: Path, text: str) -> None:
    """In JSON as the operator writes it, or in YAML."""
    (tmp_path / "more").write_text(text.replace("%s", json.dumps(KEEP)))
    found = loaded(tmp_path, "{fileName: more}")
    assert [stage.name for stage in found.stages] == ["in", "out", "keep"]
    assert found.outside.files == (tmp_path / "more",)


def test_a_config_map_in_a_file_fills_the_stages(tmp_path: Path) -> None:
    config_map(tmp_path, json.dumps({"parameters": [KEEP]}))
    found = loaded(tmp_path, IN_MAP)
    assert [stage.name for stage in found.stages] == ["in", "out", "keep"]
    assert found.outside.files == (tmp_path / "objects.yaml",)
    assert found.warnings == []


def test_problems_have_places_in_the_text_that_was_read(tmp_path: Path) -> None:
    config_map(tmp_path, '{"parameters":\n [{"name": "keep", "transform": {"type": "filtr"}}]}')
    assert refusal(tmp_path, IN_MAP) == [
        (
            "ConfigMap netobserv/dyn, config.json:2:42: error: field parameters[2].transform.type: "
            'unknown transform type "filtr"; did you mean "filter"?'
        )
    ]


@pytest.mark.parametrize(
    ("dynamic", "why"),
    [
        ("{name: dyn}", "fileName is missing: the key of the ConfigMap, or a file"),
        (IN_MAP.replace("name: dyn", "name: din"), "objects.yaml does not have it"),
        (IN_MAP.replace("config.json", "c.json"), 'no key "c.json": it has config.json'),
        ("{fileName: /" + "9" * 300 + "}", "/" + "9" * 300 + " does not exist"),
        ('{fileName: "/a\\0"}', "/a\0 does not exist"),
    ],
)
def test_what_cannot_be_read_is_an_error_where_a_stage_needs_it(
    tmp_path: Path, dynamic: str, why: str
) -> None:
    config_map(tmp_path, json.dumps({"parameters": [KEEP]}))
    told = f"the dynamic parameters cannot be read: {why}"
    assert refusal(tmp_path, dynamic) == [f"flp.yaml:8:20: error: {told}"]
    whole = HEAD + json.dumps([KEEP])[1:-1].join(["- ", "\n"])
    warnings = loaded(tmp_path, dynamic, whole).warnings
    assert [one.problem.message for one in warnings] == [told]


def test_a_stage_that_nothing_fills_is_named(tmp_path: Path) -> None:
    config_map(tmp_path, '{"parameters": []}')
    assert refusal(tmp_path, IN_MAP)[0].startswith(
        'flp.yaml:3:10: error: field pipeline[1].name: no parameters for stage "keep"'
    )


@pytest.mark.parametrize("text", ["[]", "parameters: 3", "", "{"])
def test_a_text_that_is_not_a_mapping_of_parameters_is_refused(tmp_path: Path, text: str) -> None:
    (tmp_path / "more").write_text(text)
    (problem,) = refusal(tmp_path, "{fileName: more}")
    assert problem.startswith(("more:1:", "more:2:"))


def test_a_parameter_given_twice_is_refused(tmp_path: Path) -> None:
    """The file and the ConfigMap make one list."""
    (tmp_path / "more").write_text(json.dumps({"parameters": [KEEP, KEEP]}))
    problems = refusal(tmp_path, "{fileName: more}")
    assert any('"keep"' in one and one.startswith("more:1:") for one in problems)


def test_blocks_may_be_texts(tmp_path: Path) -> None:
    """As arguments of the original's command are; places are inside them."""
    path = tmp_path / "flp.yaml"
    parameters = '[{"name":"in","ingest":{"type":"stdin"}},{"name":"out","write":{"type":"%s"}}]'
    head = 'pipeline: \'[{"name":"in"},{"name":"out","follows":"in"}]\'\nparameters: |\n  '
    path.write_text(head + parameters % "stdout" + "\n")
    assert [stage.name for stage in config.load(path, environ={}).stages] == ["in", "out"]
    path.write_text(head + parameters % "stdaut" + "\n")
    with pytest.raises(ConfigError) as caught:
        config.load(path, environ={})
    assert str(caught.value.problems[0]) == (
        f"{path}:2:13: parameters:1:72: error: field parameters[1].write.type: "
        'unknown write type "stdaut"; did you mean "stdout"?'
    )
