"""The page for who comes from flowlogs-pipeline says of each of its stages what there is."""

from __future__ import annotations

import re

import pytest

from pipeline import config
from pipeline.config.flp.graph import _STAGES
from pipeline.diagnostics import ConfigError
from pipeline.stage import registry
from tests.docs.markdown import ROOT

PAGE = (ROOT / "docs" / "coming-from-flowlogs-pipeline.md").read_text(encoding="utf-8")
ROWS = re.findall(r"^\| (`.+`) \| (.+) \|$", PAGE, re.MULTILINE)
HERE = {stage: here for stages, here in ROWS for stage in re.findall(r"`([a-z.0-9_]+)`", stages)}


def test_every_stage_type_is_listed_once() -> None:
    known = [f"{kind}.{name}" for kind, names in _STAGES.items() for name in names]
    assert sorted(HERE) == sorted(known)
    assert len(HERE) == sum(len(re.findall("`", stages)) // 2 for stages, _ in ROWS)


@pytest.mark.parametrize("stage", HERE)
def test_what_is_listed_is_there_and_the_rest_is_refused(stage: str) -> None:
    kind, _, name = stage.partition(".")
    is_here = not HERE[stage].startswith("not here")
    assert is_here is (_STAGES[kind][name] is not None)
    if is_here:
        assert set(re.findall(r"`(\w+)`", HERE[stage])) <= set(registry())
        return
    text = f"pipeline: [{{name: a}}]\nparameters: [{{name: a, {kind}: {{type: {name}}}}}]\n"
    with pytest.raises(ConfigError, match=f"{kind}.{name} is not supported yet"):
        config.loads(text, "flp.yaml")
