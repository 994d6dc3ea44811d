"""The graph of stages: every way to be wrong."""

from __future__ import annotations

from pipeline.plan import checks
from pipeline.plan.checks import Vertex
from pipeline.stage import (
    Source,
    Transform,
)
from tests.plan.specs import Many, Out


class In(Source, frozen=True, kw_only=True, tag="in"):
    pass


class Pass(Transform, frozen=True, kw_only=True, tag="pass"):
    pass


def found(*vertices: Vertex) -> list[str]:
    return [
        f"{'.'.join(map(str, problem.path))}: {problem.message}; {problem.hint}".removesuffix("; ")
        for problem in checks.problems(vertices)
    ]


IN = Vertex("in", [], In)
OUT = Vertex("out", "in", Out)


def test_good_graphs() -> None:
    assert found(IN, OUT) == []
    assert found(OUT, Vertex("other", ["mid", "in"], Out), Vertex("mid", "in", Pass), IN) == []
    assert found(IN, Vertex("m", "in", Many), Vertex("out", "m", Out)) == []


def test_names() -> None:
    assert found(IN, OUT, OUT) == ['2.name: stage 2 has the name "out" too']
    assert found(IN, OUT, Vertex("", "in", Out), Vertex("", "in", Out)) == []


def test_who_follows_whom() -> None:
    assert found(IN, OUT, Vertex("lone", [], Out)) == [
        "2: it follows no stage; only a source has no `follows`"
    ]
    assert found(IN, OUT, Vertex("in2", ["in"], In), Vertex("o", "in2", Out)) == [
        '2.follows.0: a source follows no stage, not "in" either'
    ]
    assert found(IN, OUT, Vertex("o", ["in", "out", "in"], Out)) == [
        '2.follows.1: nothing can follow "out"; out is the end of a path',
        '2.follows.2: "in" is given twice',
    ]
    assert found(IN, Vertex("out", "inn", Out)) == [
        '1.follows: no stage has the name "inn"; did you mean "in"?'
    ]
    assert found(IN, OUT, Vertex("o", "zzz", Out)) == [
        '2.follows: no stage has the name "zzz"; stages are in, out, o'
    ]


def test_dead_ends() -> None:
    hint = "end in an encode or write stage"
    assert found(IN, OUT, Vertex("p", "in", Pass)) == [f"2: no stage follows it; {hint}"]
    assert found(IN, OUT, Vertex("m", "in", Many)) == [f"2: no stage follows it; {hint}"]


def test_ends() -> None:
    no_source = ": no source: nothing brings flows in; add an ingest stage"
    no_final = ": no final stage: nothing comes out; add an encode or write stage"
    assert found() == [no_source, no_final]
    assert found(IN) == ["0: no stage follows it; end in an encode or write stage", no_final]
    assert no_source in found(Vertex("out", "in", Out))


def test_cycles() -> None:
    a, b, c = Vertex("a", ["c", "in"], Pass), Vertex("b", "a", Pass), Vertex("c", "b", Pass)
    assert found(IN, OUT, c, b, a) == ["2.follows: a cycle: c -> a -> b -> c"]
    assert sorted(found(IN, OUT, Vertex("d", ["in", "d"], Pass), a, b, c)) == [
        "2.follows: a cycle: d -> d",
        "3.follows: a cycle: a -> b -> c -> a",
    ]


def test_unknown_kinds_raise_no_further_problems() -> None:
    assert found(Vertex("x", [], None), Vertex("out", "x", Out)) == []
    assert found(IN, Vertex("x", "in", None)) == []
