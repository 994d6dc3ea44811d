"""Macros replaced by the stages they stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.stage import (
    BuildContext,
    Encoder,
    Expansion,
    Macro,
    ResourceMacro,
    ResourcePool,
    Spec,
)


class Expanded(NamedTuple):
    """Stages without macros, and what each macro was replaced by."""

    stages: list[Spec]
    expansions: list[Expansion]


def expand_macros(
    stages: Iterable[Spec], context: BuildContext, resources: ResourcePool | None = None
) -> Expanded:
    """Replace every macro; without `resources` nothing is opened.

    Raises ConfigError when a stage follows a macro it cannot follow.
    """
    current, expansions = list(stages), list[Expansion]()
    for macro in [stage for stage in current if isinstance(stage, Macro)]:
        followers = [stage for stage in current if macro.name in stage.parents]
        replaced = {macro.name, *(stage.name for stage in followers)}
        taken = {
            family.name
            for stage in current
            if isinstance(stage, Encoder)
            for family in stage.families()
        }
        if isinstance(macro, ResourceMacro):
            expansion = macro.expand(context, followers, taken, resources)
        else:
            expansion = macro.expand(context, followers, taken)
        current = [stage for stage in current if stage.name not in replaced] + expansion.stages
        expansions.append(expansion)
    return Expanded(current, expansions)
