"""Fields that hold secrets, as the schema has them: none is shown, whatever is written there."""

from __future__ import annotations

import copy
import re
from collections.abc import Iterator
from functools import cache
from pathlib import Path
from typing import Any

import pytest
import yaml
from typer.testing import CliRunner

from pipeline.cli.app import app
from pipeline.config.schema import schema
from pipeline.stage import registry

CANARY = "canary-7f3a"
Place = tuple[str, tuple[str, ...]]
NAMED = re.compile("auth|cookie|credential|header|key|passw|secret|token", re.IGNORECASE)
NO_SECRETS = {
    *("key", "keys", "access_key_id", "token_url", "endpoint_params", "tls_key", "server_key"),
    *("object_header", "secret_access_key_file", "basic_auth", "authorization", "sasl"),
}
"""Names that sound like one: files, public parts, fields of flows, and mappings of such fields."""
REACH: dict[str, Any] = {"name": "out", "follows": "in"}
STAGES: dict[str, dict[str, Any]] = {
    "write_loki": {"url": "http://127.0.0.1:1", "labels": ["SrcK8S_Namespace"]},
    "encode_s3": {"endpoint": "h:1", "bucket": "b", "access_key_id": "me"},
    "encode_otlplogs": {"endpoint": "h:1", "protocol": "http"},
    "encode_otlptraces": {"endpoint": "h:1"},
    "encode_otlpmetrics": {"endpoint": "h:1", "metrics": [{"name": "pushed"}]},
}
"""What a stage with a secret needs besides."""
BESIDE: dict[str, dict[str, str]] = {
    "basic_auth": {"username": "me"},
    "oauth2": {"token_url": "https://127.0.0.1:1/", "client_id": "me"},
}
"""The same of what stands in a stage."""
UNQUOTED = (
    *(f"[{CANARY}]", f"[[{CANARY}]]", f"{{a: {CANARY}}}", f"{{{CANARY}: 1}}", f"*{CANARY}"),
    *(f"!{CANARY}", f"!{CANARY} x", f"!{CANARY} [x]", f"!!int {CANARY}", f"!!binary {CANARY}"),
    *(f"!<tag:{CANARY}> x", f"&{CANARY}", f"@{CANARY}", f"%{CANARY}", f"`{CANARY}", f"|{CANARY}"),
    *(f'"{CANARY}', f"'{CANARY}", f'"\\x{CANARY}"', f'"{CANARY}"{CANARY}', f"{CANARY}: x"),
    *(f"${{{CANARY}", f"{CANARY}${{", f"- {CANARY}", f"? {CANARY}", f"{CANARY}: {CANARY}: x"),
    *(f'"{CANARY}\x01"', f'"{CANARY}\\ud800"', f"http://me:{CANARY}@h", f"{CANARY}\n  {CANARY}"),
)
"""Secrets as people write them without quotes, or with the wrong ones."""


@cache
def secret_fields() -> tuple[Place, ...]:
    """Types of stages, and the paths of the secrets in them."""
    whole = schema()
    found = []
    for one in whole["properties"]["stages"]["items"]["allOf"]:
        kind = one["if"]["properties"]["type"]["const"]
        found += [(kind, path) for path in _marked(one["then"], whole["$defs"])]
    return tuple(found)


def _marked(node: Any, definitions: dict[str, Any]) -> Iterator[tuple[str, ...]]:
    if "$ref" in node:
        yield from _marked(definitions[node["$ref"].rpartition("/")[2]], definitions)
    for option in (*node.get("anyOf", ()), *node.get("allOf", ())):
        yield from _marked(option, definitions)
    for name, field in node.get("properties", {}).items():
        if field.get("writeOnly"):
            yield (name,)
        else:
            yield from ((name, *below) for below in _marked(field, definitions))


def _pipeline(place: Place, secret: Any) -> dict[str, Any]:
    """A pipeline with a secret at a place."""
    kind, path = place
    stage: dict[str, Any] = {**REACH, "type": kind, **copy.deepcopy(STAGES[kind])}
    block = stage
    for name in path[:-1]:
        block = block.setdefault(name, dict(BESIDE.get(name, {})))
    block[path[-1]] = secret
    return {"stages": [{"name": "in", "type": "ingest_stdin", "decoder": "json"}, stage]}


def _said(command: str, file: Path) -> str:
    done = CliRunner().invoke(app, [command, str(file)])
    return done.output + repr(done.exception)


def _is_mapping(place: Place) -> bool:
    return place[1][-1] in {"headers", "endpoint_params"}


def test_every_secret_of_the_schema_is_known() -> None:
    """Those of a new stage are tried once STAGES has what it needs."""
    assert {kind for kind, _ in secret_fields()} == STAGES.keys()
    assert len(secret_fields()) == 9
    assert set(STAGES) <= set(registry())


def test_what_is_named_like_a_secret_is_marked_as_one() -> None:
    """A new field of such a name is one, or the name of a file, or joins those that are none."""
    found = set()
    for definition in schema()["$defs"].values():
        for name, field in definition.get("properties", {}).items():
            texts = field.get("type") in {"string", "object"}
            if texts and NAMED.search(name) and not field.get("writeOnly"):
                found.add(name)
    assert {name for name in found if not name.endswith(("_file", "_ca"))} <= NO_SECRETS


@pytest.mark.parametrize("place", secret_fields(), ids=str)
def test_a_secret_is_not_shown(place: Place, tmp_path: Path) -> None:
    """`convert` says that there is one; a number and a wrong type are not shown either."""
    file = tmp_path / "p.yaml"
    good: Any = {"X-Api-Key": CANARY, "Cookie": CANARY} if _is_mapping(place) else CANARY
    file.write_text(yaml.safe_dump(_pipeline(place, good)))
    for command in ("validate", "graph", "convert"):
        said = _said(command, file)
        assert CANARY not in said
        assert ("***" in said) == (command == "convert"), said
    for wrong in (73737373, [73737373], {"a": [73737373]}, 7373.7373, {"X-Key": 73737373}):
        file.write_text(yaml.safe_dump(_pipeline(place, wrong)))
        for command in ("validate", "convert"):
            assert "7373" not in _said(command, file)


@pytest.mark.parametrize("place", secret_fields(), ids=str)
def test_what_is_wrong_with_a_secret_does_not_show_it(place: Place, tmp_path: Path) -> None:
    """Errors of YAML say where they are, and not what stands there."""
    file = tmp_path / "p.yaml"
    mark = {"X-Api-Key": "SECRET"} if _is_mapping(place) else "SECRET"
    text = yaml.safe_dump(_pipeline(place, mark), default_flow_style=False)
    for secret in UNQUOTED:
        file.write_text(text.replace("SECRET", secret))
        said = _said("validate", file)
        assert CANARY not in said, secret
        assert said
