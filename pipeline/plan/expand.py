"""Macros replaced by the stages they stand for."""

from __future__ import annotations

from collections.abc import Iterable
from typing import NamedTuple

from pipeline.diagnostics import ConfigError, Diagnostic, Location
from pipeline.plan.checks import claims
from pipeline.stage import (
    BuildContext,
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
    stages: Iterable[Spec],
    context: BuildContext,
    resources: ResourcePool | None = None,
    reserved: Iterable[str] = (),
) -> Expanded:
    """Replace every macro; without `resources` nothing is opened.

    `reserved` are the names of the engine's own metrics. Raises ConfigError when a stage follows a
    macro it cannot follow, and when two metrics expose one name.
    """
    current, expansions = list(stages), list[Expansion]()
    for macro in [stage for stage in current if isinstance(stage, Macro)]:
        followers = [stage for stage in current if macro.name in stage.parents]
        replaced = {macro.name, *(stage.name for stage in followers)}
        taken = {name: str(claim) for name, claim in claims(current, reserved)[0].items()}
        if isinstance(macro, ResourceMacro):
            expansion = macro.expand(context, followers, taken, resources)
        else:
            expansion = macro.expand(context, followers, taken)
        current = [stage for stage in current if stage.name not in replaced] + expansion.stages
        expansions.append(expansion)
    if duplicates := claims(current, reserved)[1]:
        raise ConfigError(
            Diagnostic(Location("stages"), one.problem(), one.later.stage) for one in duplicates
        )
    return Expanded(current, expansions)
