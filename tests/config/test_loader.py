"""Configuration files: every problem at once, each with its place."""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator, Mapping
from pathlib import Path

import msgspec
import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from pipeline import config
from pipeline.config.loader import Config, ConfigError
from pipeline.diagnostics import Location, Problem, Severity, warning
from pipeline.stage import Encoder, Family, Kind, Sink, Source, Spec, Transform, Writer
from pipeline.stage.duration import Duration


class In(Source, frozen=True, kw_only=True, tag="in"):
    topic: str = "flows"
    workers: int = 1


class Label(msgspec.Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    name: str
    cidrs: tuple[str, ...] = ()


class Subnets(Transform, frozen=True, kw_only=True, tag="subnets"):
    labels: tuple[Label, ...] = ()
    every: Duration = "1m"
    file: str = ""

    def check(self, folder: Path) -> Iterator[Problem]:
        for index, label in enumerate(self.labels):
            if label.name == "odd":
                yield Problem(("labels", index, "name"), "an odd name", "try another")
            if label.name == "old":
                yield warning(("labels", index), "an old label")
        if self.file and not (folder / self.file).exists():
            yield Problem(("file",), f'no file "{self.file}"')


class Out(Encoder, frozen=True, kw_only=True, tag="out"):
    labels: tuple[str, ...] = ()

    def families(self) -> tuple[Family, ...]:
        return (Family(self.name, Kind.COUNTER, self.labels),)


TYPES: Mapping[str, type[Spec]] = {"in": In, "subnets": Subnets, "out": Out}

GOOD = """\
# yaml-language-server: $schema=schema.json
x-cidrs: &private [10.0.0.0/8]
stages:
  - {name: flows, type: in, workers: !!int "${WORKERS:-2}"}
  - name: subnets
    type: subnets
    follows: flows
    labels:
      - {name: old, cidrs: *private}
    every: ${EVERY}
  - {name: count, type: out, follows: [subnets], labels: [SrcAddr, Flags]}
server: {listen: "0.0.0.0:0"}
limits:
  max_series: 10
"""


def load(text: str, environ: Mapping[str, str] | None = None) -> Config:
    return config.loads(text, "f.yaml", Path("/nowhere"), environ or {}, TYPES)


def refused(text: str) -> list[str]:
    with pytest.raises(ConfigError) as caught:
        load(text)
    return [str(problem) for problem in caught.value.problems]


def stages(*lines: str) -> str:
    """A file whose first stages are well; the lines start in line 4."""
    good = ["stages:", "- {name: i, type: in}", "- {name: o, type: out, follows: i}"]
    return "\n".join([*good, *lines, ""])


def test_a_good_file() -> None:
    loaded = load(GOOD, {"EVERY": "90"})
    assert loaded.stages == (
        In(name="flows", workers=2),
        Subnets(
            name="subnets",
            follows="flows",
            labels=(Label(name="old", cidrs=("10.0.0.0/8",)),),
            every=90.0,
        ),
        Out(name="count", follows=["subnets"], labels=("SrcAddr", "Flags")),
    )
    assert loaded.settings.server.address == ("0.0.0.0", 0)  # noqa: S104 # nothing listens here
    assert loaded.settings.limits.max_series == 10
    assert loaded.folder == Path("/nowhere")
    assert [str(found) for found in loaded.warnings] == [
        'f.yaml:9:9: warning: stage "subnets", field labels[0]: an old label',
        (
            'f.yaml:11:5: warning: stage "count": label "Flags" is a list; '
            "flatten Flags in a stage before"
        ),
    ]
    assert loaded.place("subnets", ("labels", 0, "cidrs", 0)) == Location("f.yaml", 2, 20)
    assert loaded.place("subnets") == Location("f.yaml", 5, 5)
    assert loaded.place("none") == Location("f.yaml", 4, 3)


def test_files(tmp_path: Path) -> None:
    file = tmp_path / "sub" / "f.yaml"
    file.parent.mkdir()
    file.write_text(stages("- {name: s, type: subnets, follows: i, file: there}", _END))
    with pytest.raises(ConfigError) as caught:
        config.load(file, {}, TYPES)
    assert str(caught.value) == f'{file}:4:46: error: stage "s", field file: no file "there"'
    (file.parent / "there").touch()
    assert config.load(file, {}, TYPES).folder == file.parent
    with pytest.raises(ConfigError, match="none: error: cannot be read: No such file"):
        config.load(tmp_path / "none", {}, TYPES)


_END = "- {name: e, type: out, follows: s}"

WRONG = {
    "- {name: x, type: otu, follows: i}": [
        '4:19: error: stage "x", field type: unknown stage type "otu"; did you mean "out"?'
    ],
    "- {name: x, type: 3, follows: i}": [
        '4:19: error: stage "x", field type: unknown stage type 3; one of in, out, subnets'
    ],
    "- {name: x, follows: i}": [
        '4:3: error: stage "x": missing field "type"; one of in, out, subnets'
    ],
    "- x": ["4:3: error: expected a stage: a mapping with name and type"],
    "- {name: x, type: out, folows: i}": [
        '4:3: error: stage "x": it follows no stage; only a source has no `follows`',
        '4:24: error: stage "x", field folows: unknown field; did you mean "follows"?',
    ],
    "- {name: x, type: in, zzz: i}\n- {name: y, type: out, follows: x}": [
        '4:23: error: stage "x", field zzz: unknown field; fields are name, follows, topic, workers'
    ],
    "- {type: out, follows: i}": ['4:3: error: missing field "name"'],
    "- {name: '', type: out, follows: i}": [
        "4:10: error: field name: expected text of length >= 1"
    ],
    "- {name: x, type: out, follows: 7}": [
        '4:33: error: stage "x", field follows: expected text or list, got int'
    ],
    "- {name: x, type: out, follows: [i, 7]}": [
        '4:37: error: stage "x", field follows[1]: expected text, got int'
    ],
    '- {name: x, type: in, workers: "1"}\n- {name: y, type: out, follows: x}': [
        '4:32: error: stage "x", field workers: expected int, got text'
    ],
    "- name: s\n  type: subnets\n  follows: i\n  every: 1 m\n  labels:\n"
    "  - {cidrs: 10.0.0.0/8, nam: a}\n  - {name: odd}\n" + _END: [
        (
            '7:10: error: stage "s", field every: expected a duration such as "10s", "1h30m", '
            'or a number of seconds, got "1 m"'
        ),
        '9:5: error: stage "s", field labels[0]: missing field "name"',
        '9:13: error: stage "s", field labels[0].cidrs: expected list, got text',
        '9:25: error: stage "s", field labels[0].nam: unknown field; did you mean "name"?',
    ],
    "- {name: s, type: subnets, follows: i, labels: [{name: odd}]}\n" + _END: [
        '4:56: error: stage "s", field labels[0].name: an odd name; try another'
    ],
    "- {name: o, type: out, follows: i}": [
        '4:10: error: stage "o", field name: stage 2 has the name "o" too'
    ],
    "- {name: x, type: out, follows: ii}": [
        '4:33: error: stage "x", field follows: no stage has the name "ii"; did you mean "i"?'
    ],
    "- {name: x, type: in, follows: i}\n- {name: y, type: out, follows: x}": [
        '4:32: error: stage "x", field follows: a source follows no stage, not "i" either'
    ],
    "- {name: x, type: out}": [
        '4:3: error: stage "x": it follows no stage; only a source has no `follows`'
    ],
    "- {name: x, type: out, follows: [i, o]}": [
        '4:37: error: stage "x", field follows[1]: nothing can follow "o"; out is the end of a path'
    ],
    "- {name: x, type: subnets, follows: i}": [
        '4:3: error: stage "x": no stage follows it; end in an encode or write stage'
    ],
    "- {name: a, type: subnets, follows: [i, b]}\n- {name: b, type: subnets, follows: a}": [
        '4:37: error: stage "a", field follows: a cycle: a -> b -> a'
    ],
    "- {name: x, type: out, follows: i, labels: ['${NONE}', '${NONE:?say which}']}": [
        "4:45: error: variable NONE is not set",
        "4:56: error: variable NONE: say which",
    ],
    "- {name: x, type: out, name: y, follows: i}": [
        '4:24: error: duplicate key "name"; first given in line 4'
    ],
    "sever: {}": ['4:1: error: field sever: unknown field; did you mean "server"?'],
    "server: 9102": ["4:9: error: field server: expected mapping, got int"],
    "server: {listen: 9102}": ["4:18: error: field server.listen: expected text, got int"],
    "server: {listen: '9102'}": [
        (
            '4:18: error: field server.listen: "9102" is not host:port; '
            "for example 127.0.0.1:9102 or [::1]:9102"
        )
    ],
    "limits: {max_series: -1}": ["4:22: error: field limits.max_series: expected int >= 0, got -1"],
    "dead_letters: {max_ratio: 1.5}": [
        "4:27: error: field dead_letters.max_ratio: expected number <= 1.0, got 1.5"
    ],
    "self_metrics: {prefix: a-b}": [
        (
            "4:24: error: field self_metrics.prefix: expected the start of a metric name "
            '([a-zA-Z0-9_:], no digit first), got "a-b"'
        )
    ],
    "log_level: warn": [
        '4:12: error: field log_level: unknown value "warn"; did you mean "warning"?'
    ],
}


@pytest.mark.parametrize(("lines", "expected"), WRONG.items())
def test_each_problem_has_its_place(lines: str, expected: list[str]) -> None:
    assert refused(stages(*lines.split("\n"))) == [f"f.yaml:{line}" for line in expected]


def test_all_problems_at_once() -> None:
    lines = [line for line in WRONG if re.match("- {name: x((?!name: y).)*$", line)]
    found = refused(stages(*lines, "sever: {}", "log_level: warn"))
    for index, line in enumerate(lines):
        for expected in WRONG[line]:
            place, message = expected.split(":", 1)
            assert f"f.yaml:{int(place) + index}:{message}" in found
    assert len(found) == sum(len(WRONG[line]) for line in lines) + len(lines) - 1 + 2


@pytest.mark.parametrize(
    ("text", "expected"),
    {
        "": '1:1: error: expected a mapping with "stages"',
        "[1]": '1:1: error: expected a mapping with "stages"',
        "server: {}": '1:1: error: missing "stages"',
        "a: 1\nstage: []": ('2:1: error: field stage: missing "stages"; did you mean "stages"?'),
        "stages: {}": "1:9: error: field stages: expected a list of stages",
        "stages: [\n": (
            "2:1: error: invalid YAML: did not find expected node content, "
            "while parsing a flow node"
        ),
    }.items(),
)
def test_files_that_are_no_configuration(text: str, expected: str) -> None:
    assert refused(text) == [f"f.yaml:{expected}"]


def test_a_file_without_stages() -> None:
    assert refused("stages: []") == [
        "f.yaml:1:9: error: no source: nothing brings flows in; add an ingest stage",
        "f.yaml:1:9: error: no final stage: nothing comes out; add an encode or write stage",
    ]


def test_warnings_come_along_with_errors() -> None:
    lines = "- {name: s, type: subnets, follows: i, labels: [{name: old}, {name: odd}]}"
    with pytest.raises(ConfigError) as caught:
        load(stages(lines, _END))
    assert [p.problem.severity for p in caught.value.problems] == [
        Severity.WARNING,
        Severity.ERROR,
    ]


KEYS = st.sampled_from(
    ["stages", "name", "type", "follows", "labels", "workers", "server", "listen", "cidrs", "every"]
)
LEAVES = st.sampled_from(["in", "out", "subnets", "a", "b", "", "1m", "${A}", "$$"]) | (
    st.none() | st.booleans() | st.integers() | st.floats() | st.text(max_size=3)
)
DATA = st.recursive(
    LEAVES,
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(KEYS, inner, max_size=4),
)
STAGE = st.fixed_dictionaries(
    {"name": st.sampled_from("abc"), "type": st.sampled_from([*TYPES, "x"])},
    optional={
        "follows": st.sampled_from("abcd") | st.lists(st.sampled_from("abcd"), max_size=3) | DATA,
        "labels": DATA,
        "every": DATA,
        "workers": DATA,
    },
)


@given(st.lists(STAGE, max_size=4), st.dictionaries(KEYS | st.text(max_size=3), DATA, max_size=3))
def test_any_structure_is_a_config_or_an_error(
    some: list[dict[str, object]], settings: dict[str, object]
) -> None:
    with contextlib.suppress(ConfigError):
        loaded = load(yaml.safe_dump({"stages": some, **settings}))
        assert load(config.dump(loaded.stages)).stages == loaded.stages


@given(DATA)
def test_any_data_is_a_config_or_an_error(data: object) -> None:
    with contextlib.suppress(ConfigError):
        load(yaml.safe_dump(data))


@given(st.sampled_from(GOOD.splitlines(keepends=True)), st.text(max_size=5), st.integers(0, 40))
def test_any_edit_is_a_config_or_an_error(line: str, text: str, at: int) -> None:
    with contextlib.suppress(ConfigError):
        assert load(GOOD.replace(line, line[:at] + text + line[at + len(text) :])).stages


class Stdin(Source, frozen=True, kw_only=True, tag="ingest_stdin"):
    decoder: str = "json"


class Encode(Encoder, frozen=True, kw_only=True, tag="encode_prometheus"):
    def families(self) -> tuple[Family, ...]:
        return ()


class Discard(Writer, frozen=True, kw_only=True, tag="discard"):
    sink = Sink.NOWHERE


DIALECT = """\
log-level: warning
Pipeline:
  - {name: in}
  - {name: end, follows: in}
parameters:
  - name: in
    ingest: {type: stdin}
  - name: end
    WRITE: {type: none}
metricsSettings: {prefix: own_}
"""
DIALECT_TYPES: Mapping[str, type[Spec]] = {
    "ingest_stdin": Stdin,
    "encode_prometheus": Encode,
    "discard": Discard,
}


def load_dialect(text: str) -> Config:
    return config.loads(text, "f.yaml", Path("/nowhere"), {}, DIALECT_TYPES)


def test_the_dialect_of_flowlogs_pipeline() -> None:
    loaded = load_dialect(DIALECT)
    assert [spec.name for spec in loaded.stages] == ["in", "end"]
    assert loaded.settings.self_metrics.prefix == "own_"
    assert loaded.settings.log_level == "warning"
    assert loaded.place("end") == Location("f.yaml", 8, 5)
    assert load_dialect(config.dump(loaded.stages)).stages == loaded.stages


def test_problems_of_the_dialect_and_of_what_it_becomes_are_collected() -> None:
    text = DIALECT.replace("follows: in", "follows: inn").replace("type: stdin", "typ: stdin")
    with pytest.raises(ConfigError) as caught:
        load_dialect(text)
    assert [str(found) for found in caught.value.problems] == [
        (
            'f.yaml:4:26: error: stage "end", field follows: no stage has the name "inn"; '
            'did you mean "in"?'
        ),
        'f.yaml:7:13: error: field parameters[0].ingest: stage "in" has no ingest type',
        'f.yaml:7:14: error: field parameters[0].ingest.typ: unknown field; did you mean "type"?',
    ]


def test_a_field_of_a_wrong_type_hides_no_problem_of_another() -> None:
    stages = "[{name: a, type: in}, {name: s, type: subnets, follows: a, labels: 7, file: gone},"
    found = refused(f"stages: {stages} {{name: o, type: out, follows: s}}]\n")
    assert len(found) == 2
    assert "field labels: expected" in found[0]
    assert found[1].endswith('no file "gone"')


def test_a_metric_cannot_have_a_name_of_the_engine_itself() -> None:
    """The engine's own metrics are on the same page, shown yet or not."""
    text = (
        "stages:\n- {name: i, type: ingest_stdin, decoder: json}\n"
        "- {name: e, type: encode_prometheus, follows: i, metrics: [{name: NAME}]}\n"
    )
    for name in ("flowmatrix_series", "process_cpu_seconds_total", "python_gc_collections_total"):
        with pytest.raises(ConfigError) as refused:
            config.loads(text.replace("NAME", name), "f", environ={})
        assert f"{name} is exposed by metric" in str(refused.value)
        assert "and by the engine; give it another name" in str(refused.value)
    config.loads(text.replace("NAME", "flowmatrix_mine"), "f", environ={})
