"""The description of the API; tests/cli/test_edge_api.py holds real answers against it."""

from __future__ import annotations

import msgspec
from jsonschema import Draft202012Validator

from pipeline.api.openapi import DESCRIBED, PATH, Described, Parameter, openapi


class Answer(msgspec.Struct):
    """An answer."""

    number: int | None


def test_every_document_is_a_path_with_its_answer_and_the_failure() -> None:
    found = openapi(DESCRIBED)
    assert found["openapi"] == "3.1.0"
    assert list(found["paths"]) == [f"/api/v0/{name}" for name in DESCRIBED]
    assert f"/api/v0/{PATH}" in found["paths"]
    for schema in found["components"]["schemas"].values():
        Draft202012Validator.check_schema(schema)
    for path in found["paths"].values():
        answers = path["get"]["responses"]
        assert list(answers) == ["200", "304", "default"]


def test_a_document_of_ones_own() -> None:
    asked = [Parameter("n", "How many.", int, required=True), Parameter("x", "What.")]
    operation = openapi({"answer": Described("An answer.", Answer, asked)})
    (get,) = [path["get"] for path in operation["paths"].values()]
    assert get["parameters"] == [
        {
            "name": "n",
            "in": "query",
            "description": "How many.",
            "required": True,
            "schema": {"type": "integer"},
        },
        {
            "name": "x",
            "in": "query",
            "description": "What.",
            "required": False,
            "schema": {"type": "string"},
        },
    ]
    schema = get["responses"]["200"]["content"]["application/json"]["schema"]
    assert schema == {"$ref": "#/components/schemas/Answer"}
    assert operation["components"]["schemas"]["Answer"]["required"] == ["number"]
