"""What a stage reads from files: read by its check, and used again when it is built."""

from __future__ import annotations

from collections.abc import Callable
from typing import Concatenate, ParamSpec, TypeVar

_Stage = TypeVar("_Stage")
_Arguments = ParamSpec("_Arguments")
_Value = TypeVar("_Value")


def once(
    method: Callable[Concatenate[_Stage, _Arguments], _Value],
) -> Callable[Concatenate[_Stage, _Arguments], _Value]:
    """Call a method of a Spec once for each of its (positional) arguments, and keep the results.

    They are kept as long as the Spec is, which is as long as its configuration. The Spec's class
    is declared with `dict=True`.
    """
    key = f"{method.__name__}()"  # not the name alone, which would hide the method

    def kept(stage: _Stage, /, *arguments: _Arguments.args, **options: _Arguments.kwargs) -> _Value:
        results: dict[object, _Value] = vars(stage).setdefault(key, {})
        if arguments not in results:
            results[arguments] = method(stage, *arguments, **options)
        return results[arguments]

    return kept
