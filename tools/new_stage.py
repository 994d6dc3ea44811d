"""`make new-stage NAME=x`: a transform that works, and its test, both to be changed."""

from __future__ import annotations

import keyword
import sys
from pathlib import Path

from pipeline.stage import registry

_STAGE = '''"""Texts in capitals."""

from __future__ import annotations

from typing import ClassVar

import polars as pl

from pipeline.flows import values
from pipeline.stage import BuildContext, Example, Fields, Step, Transform


class {title}(Transform, frozen=True, kw_only=True, tag="{name}"):
    """Write the text of `input` in capitals into `output`.

    A flow without `input` is left as it is.
    """

    example: ClassVar[Example] = Example(
        config="""
            - name: capitals
              type: {name}
              follows: flows
              input: SrcK8S_Name
              output: Capitals
        """,
        flows="""
            {{"SrcK8S_Name": "web"}}
            {{"SrcAddr": "10.128.0.14"}}
        """,
        output="""
            {{"SrcK8S_Name": "web", "Capitals": "WEB"}}
            {{"SrcAddr": "10.128.0.14"}}
        """,
    )

    input: str
    output: str

    def reads(self) -> Fields:
        return frozenset({{self.input}})

    def build(self, context: BuildContext) -> Step:
        def step(flows: pl.DataFrame) -> pl.DataFrame:
            if not values.known(flows.schema, self.input):
                return flows
            text = values.text(flows.schema, self.input)
            capitals = flows.select(text.str.to_uppercase()).to_series()
            return values.put(flows, self.output, capitals)

        return step
'''
_TEST = '''"""Texts in capitals."""

from __future__ import annotations

from pipeline.testing import assert_laws, run
from stages.{name} import {title}

STAGE = {title}(name="capitals", input="A", output="B")


def test_the_text_of_the_input_is_in_capitals() -> None:
    flows = [{{"A": "web"}}, {{"A": 7}}]
    assert run(STAGE, flows) == [{{"A": "web", "B": "WEB"}}, {{"A": 7, "B": "7"}}]


def test_without_the_input_a_flow_is_left_as_it_is() -> None:
    assert run(STAGE, [{{"B": "kept"}}]) == [{{"B": "kept"}}]


def test_laws() -> None:
    assert_laws(STAGE, [{{"A": "x"}}, {{"B": "y"}}, {{"A": None}}, {{"A": 1}}], 2)
'''


def main(root: Path, name: str) -> None:
    """Write `stages/NAME.py` and its test under `root`. Raises SystemExit when it cannot be."""
    if not name.isidentifier() or keyword.iskeyword(name) or name != name.lower():
        raise SystemExit(f'"{name}" is not a name for a module: use a-z, 0-9 and _')
    title = "".join(part.title() for part in name.split("_"))
    files = {
        root / "stages" / f"{name}.py": _STAGE,
        root / "tests" / "stages" / f"test_{name}.py": _TEST,
    }
    if name in registry():
        raise SystemExit(f'there is a stage type "{name}" already')
    for path in files:
        if path.exists():
            raise SystemExit(f"{path.relative_to(root)} is there already")
    for path, text in files.items():
        path.write_text(text.format(name=name, title=title), encoding="utf-8")
        sys.stdout.write(f"{path.relative_to(root)} is new\n")


if __name__ == "__main__":
    main(Path(__file__).parent.parent, "".join(sys.argv[1:2]))
