"""Attacks on configurations: each is accepted, or refused with a place; nothing else happens."""

from __future__ import annotations

import copy
import json
from collections.abc import Iterator
from itertools import pairwise
from pathlib import Path
from typing import Any

import yaml

from pipeline.config.loader import loads
from pipeline.diagnostics import ConfigError
from pipeline.plan.compile import compile_plan
from pipeline.stage import BuildContext, registry
from tests.attack.tally import Size, Tally
from tests.support.examples import stages as example_stages

_ROOT = Path(__file__).parents[2]
_WRONG: tuple[Any, ...] = (
    *(None, True, 0, -1, 2**70, 1.5, float("inf"), "", "x", "\x1b]0;x\x07", "[/x]", "10.0.0.0/33"),
    *([], [None], [[]], {}, {"a": {}}, {"": None}, ["x", "x"], "9" * 5_000, "$(" * 50, "${NONE}"),
    *("((((", "-1s", "1e9999", "../../etc/passwd", "/dev/null", "in", "a" * 20_000, [{}] * 3),
)
_VALUES = 500_000


def attacks(size: Size) -> Iterator[Tally]:
    """Each kind of attack with its tally."""
    native = [*_examples(size.folder), *_schema_stages()]
    dialect = [_document(path) for path in sorted((_ROOT / "tests/golden").glob("*/config.yaml"))]
    flp = (_ROOT / "configs/reference/reference.flp.yaml").read_text()
    step = size.of(301, 1)
    yield _texts("every field with every wrong value, native", _changed(native, step))
    yield _texts("the same in flowlogs-pipeline's dialect", _changed(dialect, step))
    yield _texts("every value of a text cut off", (flp[:n] for n in range(0, len(flp), step * 8)))
    yield _texts("aliases, nesting, keys, numbers", hostile_yaml(size.of(500, 100_000)))
    yield _texts("graphs: chains, cycles, fans", graphs(size.of(40, 1_000)))
    yield _texts("thousands of metrics", metrics(size.of(100, 10_000)))


def _texts(name: str, texts: Iterator[str]) -> Tally:
    tally = Tally(name)
    for text in texts:
        with tally.step(text[-300:]):
            tally.add(_outcome(tally, text))
    return tally


def _outcome(tally: Tally, text: str) -> str:
    try:
        config = loads(text, "attack.yaml", _ROOT / "configs/reference", {})
    except ConfigError as error:
        if not error.problems or not all(str(found.place) for found in error.problems):
            tally.fault(f"refused without a place: {text[-300:]}")
        return "refused"
    types = {stage.type for stage in config.stages}
    if types & {"kubernetes", "ingest_kafka", "encode_kafka", "flow_metrics"}:
        return "accepted"
    try:
        compile_plan(config.stages, BuildContext(folder=_ROOT / "configs/reference"))
    except OSError:
        return "accepted, a file is missing"
    return "accepted and built"


def _document(path: Path) -> Any:
    return yaml.safe_load(path.read_text())


def _examples(folder: Path) -> Iterator[Any]:
    """The example of each stage type, in a pipeline."""
    for kind in registry().values():
        example_stages(kind, folder)
        assert kind.example
        parts = yaml.safe_load(kind.example.config)
        yield {"stages": [{"name": "flows", "type": "ingest_stdin"}, *parts]}
    yield _document(_ROOT / "configs/reference/reference.yaml")


def _schema_stages() -> Iterator[Any]:
    """For each stage type a stage with every field that the schema knows, and the settings."""
    schema = json.loads((_ROOT / "configs/schema.json").read_text())
    for entry in schema["properties"]["stages"]["items"]["allOf"]:
        kind = entry["if"]["properties"]["type"]["const"]
        name = entry["then"]["$ref"].rpartition("/")[2]
        yield {"stages": [_filled(schema, schema["$defs"][name], 0) | {"name": "a", "type": kind}]}
    stages = [{"name": "a", "type": "ingest_stdin"}, {"name": "b", "type": "write_stdout"}]
    stages[1]["follows"] = "a"
    settings = {
        name: _filled(schema, form, 0)
        for name, form in schema["properties"].items()
        if name != "stages"
    }
    yield {**settings, "stages": stages}


def _filled(schema: Any, form: Any, depth: int) -> Any:
    """A value with every field of a form in it."""
    while "$ref" in form:
        form = schema["$defs"][form["$ref"].rpartition("/")[2]]
    for choice in ("anyOf", "oneOf"):
        if choice in form:
            return _filled(schema, form[choice][0], depth)
    if "properties" in form and depth < 6:
        return {name: _filled(schema, one, depth + 1) for name, one in form["properties"].items()}
    if "items" in form and depth < 6:
        return [_filled(schema, form["items"], depth + 1)]
    for given in ("default", "const"):
        if form.get(given) not in (None, [], {}):
            return form[given]
    return (
        form["enum"][0]
        if "enum" in form
        else {"integer": 1, "boolean": True}.get(form.get("type"), "x")
    )


def _changed(documents: list[Any], step: int) -> Iterator[str]:
    """Each document with each of its values replaced by each wrong one, or gone, or twice."""
    number = 0
    for document in documents:
        for path in list(_paths(document)):
            for wrong in _WRONG:
                number += 1
                if number % step == 0:
                    yield json.dumps(_with(document, path, wrong))


def _paths(value: Any) -> Iterator[tuple[Any, ...]]:
    items = (
        value.items()
        if isinstance(value, dict)
        else enumerate(value)
        if isinstance(value, list)
        else ()
    )
    for key, inner in items:
        yield (key,)
        yield from ((key, *path) for path in _paths(inner))


def _with(document: Any, path: tuple[Any, ...], value: Any) -> Any:
    changed = copy.deepcopy(document)
    inside = changed
    for key in path[:-1]:
        inside = inside[key]
    inside[path[-1]] = value
    return changed


def hostile_yaml(length: int) -> Iterator[str]:
    """YAML that is small and means much, or is nested, or is not quite YAML."""
    names = "abcdefghi"
    for wide in (2, 9, 100):
        lines = [f"a: &a [{','.join('x' * wide)}]"]
        lines += [
            f"{name}: &{name} [{','.join([f'*{before}'] * wide)}]"
            for before, name in pairwise(names)
        ]
        yield "\n".join([*lines, "stages: *i"])
        merged = [line.replace("[", "{<<: [").replace("]", "]}") for line in lines[1:]]
        yield "\n".join(["a: &a {k: 1}", *merged, "stages: *i"])
    for piece in (
        "[",
        "{",
        "- ",
        "? ",
        "a: ",
        "[{",
        "&a [",
        "!!seq [",
        "'",
        '"',
        "|\n ",
        "#",
        "%TAG ! x\n",
    ):
        yield "stages: " + piece * length
        yield piece * length
    for piece in (
        "${A}",
        "$(A)",
        "$(",
        "${",
        "${A:-${A}}",
        "{{",
        "\\",
        "\t",
        "\ufeff",
        "\x85",
        "*a ",
        "&a ",
    ):
        yield f"stages: '{piece * length}'"
        yield f"stages: [{{name: a, type: filter, query: '{piece * length}'}}]"
    for number in (
        "9" * length,
        "-" + "9" * length,
        "0x" + "f" * length,
        "1e" + "9" * length,
        ".inf",
        "0o9",
    ):
        yield f"limits: {{max_series: {number}}}\nstages: []"
    yield "stages:\n" + "- {name: a, type: pass_through}\n" * length
    yield "\n".join(f"k{number}: 1" for number in range(length))
    yield "stages: []\n" * length
    yield "stages: []\n---\n" * length
    yield "<<: " * 90 + "{}"
    for query in (
        "(" * length,
        "not " * length,
        "a=1 and " * length,
        "a=1 or (" * (length // 4),
        'a=~"' + "(a*)*" * length,
    ):
        yield json.dumps(
            {
                "stages": [
                    {"name": "i", "type": "ingest_stdin"},
                    {"name": "f", "type": "filter", "follows": "i", "query": query},
                ]
            }
        )


def graphs(length: int) -> Iterator[str]:
    """Stages in a chain, in a circle, all behind one and one behind all."""
    first = {"name": "s0", "type": "ingest_stdin"}
    end = {"name": "end", "type": "write_stdout"}
    for kind in ("pass_through", "tcp_flags", "generic"):
        chain = [{"name": f"s{n}", "type": kind, "follows": f"s{n - 1}"} for n in range(1, length)]
        yield json.dumps({"stages": [first, *chain, {**end, "follows": f"s{length - 1}"}]})
        yield json.dumps({"stages": [*chain, {**end, "follows": f"s{length - 1}"}, first][::-1]})
        circle = [{"name": "s0", "type": kind, "follows": f"s{length - 1}"}, *chain]
        yield json.dumps({"stages": [*circle, {**end, "follows": "s1"}]})
        fan = [{"name": f"s{n}", "type": kind, "follows": "s0"} for n in range(1, length)]
        yield json.dumps(
            {"stages": [first, *fan, {**end, "follows": [one["name"] for one in fan]}]}
        )
    yield json.dumps({"stages": [first, {**end, "follows": "end"}]})
    yield json.dumps({"stages": [first, {**end, "follows": ["s0"] * length}]})
    yield json.dumps({"stages": [first] * length})


def metrics(count: int) -> Iterator[str]:
    """Thousands of metrics of one encoder, and a metric of thousands of labels."""
    first = {"name": "in", "type": "ingest_stdin"}
    end = {"name": "out", "type": "encode_prometheus", "follows": "in"}
    many = [{"name": f"m{n}", "labels": ["Proto"], "value": "Bytes"} for n in range(count)]
    wide = [{"name": "m", "labels": [f"L{n}" for n in range(count)]}]
    nested = [{"name": "m", "type": "histogram", "value": "Bytes", "buckets": list(range(count))}]
    for chosen in (many, many * 2, wide, nested, [{"name": "m", "labels": ["a"] * count}]):
        yield json.dumps({"stages": [first, {**end, "metrics": chosen}]})
