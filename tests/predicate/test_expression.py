"""Expressions on one value: what holds, what is an error, what is refused."""

from __future__ import annotations

import polars as pl
import pytest
from hypothesis import given
from hypothesis import strategies as st

from pipeline.diagnostics import Severity
from pipeline.predicate import expression
from pipeline.predicate.operand import of_field
from pipeline.predicate.syntax import RefusedError
from pipeline.testing import frame

FLOWS = {
    "ten": 10,
    "more": 10.5,
    "minus": -7,
    "text": "10",
    "shop": "shop",
    "yes": True,
    "no": False,
    "list": ["shop", 1],
    "null": None,
}


def true_for(text: str) -> str:
    """The names of the values for which an expression holds; `none` is an absent field."""
    flows = frame([{"id": name, "A": value} for name, value in FLOWS.items()] + [{"id": "none"}])
    holds = expression.holds(text)
    assert holds is not None, text
    return " ".join(flows.filter(holds(of_field(flows.schema, "A")))["id"].to_list())


ALL = " ".join([*FLOWS, "none"])


@pytest.mark.parametrize(
    ("text", "names"),
    [
        ("== 10", "ten"),
        ('== "10"', "text"),
        ("== '10'", "text"),
        ("== true", "yes"),
        ("!= 10", ALL.removeprefix("ten ")),
        ("", "yes"),
        ("> 9", "ten more"),
        (">= 10 && val < 10.5", "ten"),
        ('> "2"', "shop"),
        ('<= "10"', "text"),
        ("> 9 || true", "ten more minus"),
        ("== 10 || val > 10", "ten more"),
        ("!= 10 || val > 5", ALL),
        ("in (10, 'shop', false)", "ten shop no"),
        ("IN (val)", ALL),
        ('=~ "^sh"', "shop"),
        ('!~ "^sh"', "text"),
        ('=~ "^\\\\d+$"', "text"),
        ("&& true", "yes"),
        ("|| !val", "yes no"),
        ("== (1 + 2) * 3 + 1", "ten"),
        ("- 3 == 2 ** 3 - 1", "ten"),
        ("% 4 == 2", "ten"),
        ("% 4 == -3", "minus"),
        ("/ 4 == 2.5", "ten"),
        ("== -7", "minus"),
        ("== 0x0A", "ten"),
        ('+ "!" == "10!"', "ten text"),
        ('+ "" == "[shop 1]"', "list"),
        ('+ "" == "<nil>"', "null none"),
        ('+ "" == "true"', "yes"),
        ("== val", ALL),
        ("> 0 == true", "ten more"),
        ("&& 1", ""),
    ],
)
def test_holds(text: str, names: str) -> None:
    assert true_for(text) == names


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("=== )", "column 3: unexpected ="),
        ("== nil", 'column 4: expected "val", a number, a quoted text, true, false or "("'),
        ("== ", "found the end"),
        ("== 1 2", "column 6: expected an operator or the end, found 2"),
        ("+ 1", "this gives no boolean"),
        ("* val", "this gives no boolean"),
        ("in 6", 'column 4: expected "(", found 6'),
        ("in (6", 'column 6: expected "," or ")", found the end'),
        ("=~ val", "column 4: expected a quoted regular expression, found val"),
        ('=~ "("', "missing ): ("),
        ("== 'a", "this text does not end"),
        ("? 1 : 2", "unexpected ?"),
        ("== " + "!" * 60 + "val", "more than 50 nested levels"),
    ],
)
def test_refused(text: str, message: str) -> None:
    with pytest.raises(RefusedError) as refused:
        expression.parse(text)
    assert message in str(refused.value)
    assert expression.holds(text) is None
    (problem,) = expression.problems(text, ("expression",))
    assert problem.severity is Severity.WARNING
    assert problem.message.startswith("this rule has no effect: ")


def test_a_field_that_no_flow_has() -> None:
    flows = pl.DataFrame({"id": [1, 2]})
    holds = expression.holds("!= 7")
    assert holds is not None
    assert flows.filter(holds(of_field(flows.schema, "A"))).height == 2


OPERATORS = "== != =~ !~ < >= && || ! - + * / % ** in ( ) , ="
OPERANDS = """val 1 2.5 0xff "a" 'b' "(" true false nil"""
WORDS = st.sampled_from([*OPERATORS.split(), *OPERANDS.split()])
VALUES = st.sampled_from(list(FLOWS.values()))


@given(
    st.lists(WORDS | st.text(max_size=2), max_size=9).map(" ".join) | st.text(max_size=20),
    st.lists(VALUES, min_size=1, max_size=3),
)
def test_any_text_is_an_expression_or_a_problem(text: str, found: list[object]) -> None:
    problems = list(expression.problems(text, ()))
    holds = expression.holds(text)
    assert (holds is None) == bool(problems)
    if holds:
        flows = frame([{"A": value} for value in found])
        tested = flows.with_columns(t=holds(of_field(flows.schema, "A")))["t"]
        assert tested.dtype == pl.Boolean
        assert tested.null_count() == 0
