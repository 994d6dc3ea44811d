"""Findings about a configuration: their paths, their places, how they are printed."""

from __future__ import annotations

import pytest

from pipeline.diagnostics import (
    ConfigError,
    ConfigPath,
    Diagnostic,
    Key,
    Location,
    Problem,
    Severity,
    dotted,
    listed,
    nearest,
    refusal,
    warning,
    without_login,
)


@pytest.mark.parametrize(
    ("path", "text"),
    [
        ((), ""),
        (("server",), "server"),
        (("metrics", 0, "labels", 1), "metrics[0].labels[1]"),
        ((0, 1), "[0][1]"),
        (("map", Key("SrcAddr")), "map.SrcAddr"),
    ],
)
def test_a_path_is_printed_as_people_write_it(path: ConfigPath, text: str) -> None:
    assert dotted(path) == text


@pytest.mark.parametrize(
    ("name", "hint"),
    [
        ("SrcPrt", 'did you mean "SrcPort"?'),
        ("srcport", 'did you mean "SrcPort"?'),
        ("SrcPort", 'did you mean "SrcPort"?'),
        ("Bananas", ""),
        ("", ""),
    ],
)
def test_the_nearest_name_ignores_case_and_may_be_none(name: str, hint: str) -> None:
    assert nearest(name, ["DstAddr", "SrcPort"]) == hint


def test_the_names_there_are_may_be_many() -> None:
    assert (listed([]), listed(["a", "b"])) == ("none", "a, b")
    assert listed([str(n) for n in range(5_000)]).endswith("18, 19 and 4980 more")


def test_nothing_is_near_when_nothing_is_valid() -> None:
    assert nearest("a", []) == ""


def test_a_problem_keeps_all_but_its_path_when_it_moves_up() -> None:
    inner = Problem(("input",), "unknown", "hint", Severity.WARNING, "m.yaml:1:2")
    moved = inner.under("rules", 3)
    assert moved == Problem(
        ("rules", 3, "input"), "unknown", "hint", Severity.WARNING, "m.yaml:1:2"
    )
    assert inner.path == ("input",)


def test_a_warning_differs_from_an_error_in_severity_alone() -> None:
    assert Problem(("a",), "m", "h").severity is Severity.ERROR
    assert warning(("a",), "m", "h") == Problem(("a",), "m", "h", Severity.WARNING)


@pytest.mark.parametrize(
    ("location", "text"),
    [(Location("f.yaml"), "f.yaml"), (Location("f.yaml", 3, 7), "f.yaml:3:7")],
)
def test_a_location_without_a_line_is_the_file_as_a_whole(location: Location, text: str) -> None:
    assert str(location) == text


@pytest.mark.parametrize(
    ("stage", "problem", "text"),
    [
        ("", Problem((), "wrong"), "f:1:2: error: wrong"),
        ("s", Problem((), "wrong"), 'f:1:2: error: stage "s": wrong'),
        ("", Problem(("a", 0), "wrong", "right"), "f:1:2: error: field a[0]: wrong; right"),
        ("s", warning(("a",), "odd"), 'f:1:2: warning: stage "s", field a: odd'),
        ("s", Problem((), "wrong", place="g:9:9"), 'g:9:9: error: stage "s": wrong'),
    ],
)
def test_a_diagnostic_names_place_stage_field_and_hint(
    stage: str, problem: Problem, text: str
) -> None:
    """A problem with a place of its own, that of a FlowMetric's file, is printed with that one."""
    assert str(Diagnostic(Location("f", 1, 2), problem, stage)) == text


def test_an_error_prints_every_problem_on_its_line() -> None:
    found = [Diagnostic(Location("f", line, 1), Problem((), "wrong")) for line in (1, 2)]
    error = ConfigError(iter(found))
    assert error.problems == found
    assert str(error) == "f:1:1: error: wrong\nf:2:1: error: wrong"


def test_a_refusal_is_one_error_at_a_place() -> None:
    (found,) = refusal(Location("f", 4), "unreadable", "write it again").problems
    assert found.place == Location("f", 4)
    assert found.problem == Problem((), "unreadable", "write it again")


def test_a_key_stands_for_itself_not_for_its_value() -> None:
    """It compares as its text, so that a path can be looked up, and still tells the two apart."""
    assert Key("a") == "a"
    assert ("x", Key("a")) == ("x", "a")
    assert isinstance(Key("a"), Key)
    assert not isinstance("a", Key)


@pytest.mark.parametrize(
    ("text", "shown"),
    [
        ('got "http://me:word@h:1/a"', 'got "http://***@h:1/a"'),
        ("https://word@h does not answer", "https://***@h does not answer"),
        ("http://me:w/o@rd@h", "http://***@h"),
        ('"me:word@h:9092" is not host:port', '"***@h:9092" is not host:port'),
        ("brokers=a:1,me:word@[::1]:9092", "brokers=a:1,***@[::1]:9092"),
        ("http://h:1/api and me@h", "http://h:1/api and me@h"),
        ("https://h/a@b, 10:00 a@b", "https://h/a@b, 10:00 a@b"),
    ],
)
def test_addresses_show_no_login(text: str, shown: str) -> None:
    """Wherever it is said: a problem of a configuration, an error, the log."""
    assert without_login(text) == shown
    assert str(Diagnostic(Location("f"), Problem((), text))) == f"f: error: {shown}"
