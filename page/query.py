"""What a document is asked for: the values of a query, or the JSON body of a POST, as a Struct.

A Struct of questions has a field for each parameter, with its description as its Meta.
"""

from __future__ import annotations

from collections.abc import Mapping
from enum import EnumType
from http import HTTPStatus
from typing import Annotated, Any, TypeVar, get_args, get_origin, get_type_hints

import msgspec

from pipeline.api.openapi import Parameter
from pipeline.api.server import UnansweredError
from pipeline.diagnostics import nearest

T = TypeVar("T", bound=msgspec.Struct)
_MOST = 2**63 - 1
"""The greatest number that a column of flows holds."""
_QUOTED, _REASON = 100, 300
"""Characters of a text that a refusal repeats, and of the reason why a body cannot be read."""


def parameters(form: type[msgspec.Struct]) -> list[Parameter]:
    """The parameters of a Struct of questions, for the OpenAPI document."""
    hints = get_type_hints(form, include_extras=True)
    return [
        Parameter(
            one.encode_name, _described(hints[one.name]), _bare(hints[one.name]), one.required
        )
        for one in msgspec.structs.fields(form)
    ]


def asked(query: Mapping[str, str], form: type[T]) -> T:
    """The values of a query. Raises UnansweredError (400), which names what is wrong."""
    known = {one.encode_name: one for one in msgspec.structs.fields(form)}
    values: dict[str, Any] = {}
    for name, text in query.items():
        if name not in known:
            hint = nearest(name, known) or f"there are {', '.join(known) or 'none'}"
            raise refused(f'"{name}" is not a parameter; {hint}')
        values[known[name].name] = _value(name, text, known[name].type)
    missing = next((name for name, one in known.items() if one.required and name not in query), "")
    if missing:
        raise refused(f"{missing} is missing: ?{missing}=...")
    return form(**values)


def body(content: bytes, form: type[T]) -> T:
    """What a POST says. Raises UnansweredError (400), which names what is wrong."""
    try:
        return msgspec.json.decode(content, type=form)
    except msgspec.MsgspecError as error:
        raise refused(f"the body is not valid: {str(error)[:_REASON]}") from error
    except UnicodeDecodeError as error:
        raise refused(f"the body is not UTF-8: {error.reason}") from error
    except RecursionError as error:
        raise refused("the body is nested too deeply") from error


def quoted(text: str) -> str:
    """A text of a question as its refusal quotes it: what is long is cut."""
    return f'"{text[:_QUOTED]}{"..." if text[_QUOTED:] else ""}"'


def refused(why: str, status: HTTPStatus = HTTPStatus.BAD_REQUEST) -> UnansweredError:
    """Why a question has no answer."""
    return UnansweredError(status, why)


def _value(name: str, text: str, kind: Any) -> Any:
    try:
        value = msgspec.convert(text, kind, strict=False)
    except msgspec.ValidationError:
        raise refused(f"{name}: {quoted(text)} {_reason(text, _bare(kind), kind)}") from None
    if isinstance(value, int) and abs(value) > _MOST:
        raise refused(f"{name}: {quoted(text)} is a number beyond {_MOST}")
    return value


def _reason(text: str, kind: Any, whole: Any) -> str:
    listed: list[Any] = [one for one in (kind, *get_args(kind)) if isinstance(one, EnumType)]
    if listed:
        valid = list(map(str, listed[0]))
        return f"is not known; {nearest(text, valid) or 'one of ' + ', '.join(valid)}"
    metas = [one for one in get_args(whole) if isinstance(one, msgspec.Meta)]
    bounds = [(one.ge, one.le) for one in metas if one.ge is not None or one.le is not None]
    least, most = bounds[0] if bounds else (None, None)
    if kind is int:
        span = f" from {least} to {most}" if most is not None else f" from {least} on"
        return f"is not a number{span if least is not None else ''}"
    return "is neither true nor false" if kind is bool else "is not valid"


def _described(hint: Any) -> str:
    metas = (one for one in get_args(hint) if isinstance(one, msgspec.Meta))
    return next((one.description for one in metas if one.description), "")


def _bare(hint: Any) -> Any:
    return get_args(hint)[0] if get_origin(hint) is Annotated else hint
