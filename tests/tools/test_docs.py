from __future__ import annotations

from pathlib import Path
from typing import Annotated, Literal

import msgspec
import pytest

from pipeline.flows.catalogue import Level
from pipeline.stage import registry
from tools import docs

ROOT = Path(__file__).parents[2]
PAGES = docs.pages()


@pytest.mark.parametrize("name", PAGES)
def test_generated_documents_are_current(name: str) -> None:
    path = ROOT / name
    assert path.exists(), "run `make docs`"
    assert path.read_text(encoding="utf-8") == PAGES[name], "stale: run `make docs`"


def test_every_stage_is_documented() -> None:
    for tag, spec in registry().items():
        assert (
            f"### `{tag}`\n\n{(spec.__doc__ or '').strip().splitlines()[0]}"
            in PAGES["docs/stages.md"]
        )


def test_main_writes_what_is_stale(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    docs.main(tmp_path)
    assert capsys.readouterr().out.count("is new") == len(PAGES)
    (tmp_path / "docs" / "cli.md").write_text("old")
    docs.main(tmp_path)
    assert capsys.readouterr().out == "docs/cli.md is new\n"


class _Inner(msgspec.Struct):
    pass


@pytest.mark.parametrize(
    ("kind", "words"),
    [
        (str, "text"),
        (list[int], "list of integer"),
        (dict[str, float | None], "mapping of text to number or nothing"),
        (Literal["a", "b"], "`a`, `b`"),
        (Level, "`fine`, `careful`, `unknown`, `avoid`"),
        (Annotated[int, msgspec.Meta(ge=0)], "integer"),
        (Annotated[str, msgspec.Meta(extra={"expected": "a duration"})], "a duration"),
        (tuple[_Inner, ...], "list of _Inner"),
    ],
)
def test_types_are_told_in_plain_words(kind: object, words: str) -> None:
    assert docs.type_name(kind) == words


def test_stages_link_the_rules_their_modules_cite() -> None:
    link = "Rules: [decode_tcp_flags](reference/transforms.md#decode_tcp_flags).\n"
    assert link in PAGES["docs/stages.md"].split("### `tcp_flags`")[1].split("###")[0]
