"""Stages that stand for others."""

from __future__ import annotations

from collections.abc import Callable, Hashable, Mapping, Sequence
from dataclasses import dataclass

from pipeline.stage.context import BuildContext
from pipeline.stage.resources import ResourcePool
from pipeline.stage.spec import Spec


@dataclass(frozen=True)
class Expansion:
    """What a macro stands for.

    `stages` replace the macro and those of its followers that belong to it. `statuses` are the
    resources behind them with their conditions, as plain data. `report` tells whoever keeps the
    resources how they fare, once the plan runs. `fingerprint` is as in BuiltStage.
    """

    stages: list[Spec]
    statuses: Sequence[dict[str, object]] = ()
    report: Callable[[], None] | None = None
    fingerprint: Callable[[], Hashable] | None = None


class Macro(Spec, frozen=True, kw_only=True):
    """A stage that stands for others. It is replaced before the plan is made."""

    def expand(
        self, context: BuildContext, followers: Sequence[Spec], taken: Mapping[str, str]
    ) -> Expansion:
        """What replaces it. `taken` are the names that other metrics expose, with whose they are.

        Raises ConfigError when a follower cannot follow it.
        """
        raise NotImplementedError


class ResourceMacro(Macro, frozen=True, kw_only=True):
    """A macro that uses resources which outlive a plan, such as the objects of a cluster."""

    def expand(
        self,
        context: BuildContext,
        followers: Sequence[Spec],
        taken: Mapping[str, str],
        resources: ResourcePool | None = None,
    ) -> Expansion:
        """What replaces it; without resources nothing is opened (the plan is only looked at)."""
        raise NotImplementedError
