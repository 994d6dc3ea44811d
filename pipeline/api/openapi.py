"""The description of the API, made from what its answers are made of.

Source: https://spec.openapis.org/oas/v3.1.0.
"""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from importlib.metadata import version
from typing import Any, NamedTuple

import msgspec

from pipeline.api.failure import Failure
from pipeline.api.schema import (
    Explanation,
    FamilySeries,
    Inventory,
    Progress,
    Totals,
)

PATH = "openapi.json"
_PREFIX = "/api/v0/"


class Parameter(NamedTuple):
    """A parameter of a query: its name, what it says, and its type."""

    name: str
    description: str
    type: Any = str
    required: bool = False


class Described(NamedTuple):
    """A document: what it says, the type of its answer, and what can be asked of it.

    With a `body`, the type of what is posted, it is an action.
    """

    summary: str
    answer: Any
    parameters: Sequence[Parameter] = ()
    body: Any = None


DESCRIBED: dict[str, Described] = {
    "flowmetrics": Described("The status of every FlowMetric.", list[dict[str, Any]]),
    "series": Described("The series that /metrics shows, with their times.", list[FamilySeries]),
    "totals": Described("The exact totals of this worker.", Totals),
    "progress": Described("Up to which positions counts are durable.", Progress),
    "who": Described(
        "What is known about an address.",
        Explanation,
        [
            Parameter("address", "An IP address.", required=True),
            Parameter("at", "A time in milliseconds; now if not given.", int),
        ],
    ),
    "inventory": Described("The Kubernetes objects that this worker knows.", Inventory),
    "labels": Described("Its subnet labels, as a FlowCollector has them.", dict[str, Any]),
    PATH: Described("This description.", dict[str, Any]),
}
"""The documents that every worker has."""


def openapi(described: Mapping[str, Described]) -> dict[str, Any]:
    """The OpenAPI document of these documents, by their names under /api/v0/."""
    types = [one.answer for one in described.values()]
    asked = [p.type for one in described.values() for p in one.parameters]
    bodies = [one.body for one in described.values() if one.body is not None]
    schemas, components = msgspec.json.schema_components(
        [*types, *asked, *bodies, Failure], ref_template="#/components/schemas/{name}"
    )
    answers = dict(zip(described, schemas, strict=False))
    forms = iter(schemas[len(types) : -1])
    operations = {
        name: _operation(name, one, answers[name], [next(forms) for _ in one.parameters])
        for name, one in described.items()
    }
    paths = {}
    for name, one in described.items():
        operation = operations[name]
        if one.body is not None:
            operation["requestBody"] = {"required": True, "content": _json(next(forms))}
        paths[f"{_PREFIX}{name}"] = {"get" if one.body is None else "post": operation}
    return {
        "openapi": "3.1.0",
        "info": {"title": "flowmatrix", "version": version("flowmatrix")},
        "paths": paths,
        "components": {"schemas": components},
    }


def _operation(
    name: str, one: Described, answer: Mapping[str, Any], forms: Sequence[Mapping[str, Any]]
) -> dict[str, Any]:
    parameters = [
        {
            "name": parameter.name,
            "in": "query",
            "description": parameter.description,
            "required": parameter.required,
            "schema": dict(form),
        }
        for parameter, form in zip(one.parameters, forms, strict=True)
    ]
    failure = {"$ref": "#/components/schemas/Failure"}
    responses: dict[str, Any] = {"200": {"description": one.summary, "content": _json(answer)}}
    if one.body is None:
        unchanged = "The answer with the ETag of If-None-Match has not changed."
        responses["304"] = {"description": unchanged}
    responses["default"] = {"description": "Why there is no answer.", "content": _json(failure)}
    return {
        "operationId": name.removesuffix(".json").replace("/", "_"),
        "summary": one.summary,
        "parameters": parameters,
        "responses": responses,
    }


def _json(schema: Mapping[str, Any]) -> dict[str, Any]:
    return {"application/json": {"schema": dict(schema)}}
