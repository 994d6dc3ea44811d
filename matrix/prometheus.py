"""The series of a flow matrix, read from a Prometheus that scrapes them.

Source: its HTTP API (label names, label values, instant queries), which Thanos and others have too.
"""

from __future__ import annotations

import math
import re
import time
from collections.abc import Mapping, Sequence
from typing import TypeVar
from urllib.parse import urlencode
from urllib.request import Request

import msgspec
import polars as pl

from matrix.families import FLAGS, MatrixDirection, Series, spellings
from pipeline.api.bounded import AnswerError, asked, said
from pipeline.api.url import require_url
from pipeline.stage import FIRST_SEEN, LAST_SEEN, VALUE

_Data = TypeVar("_Data")
_PATIENCE = 300.0
"""Seconds for all answers together."""
_LARGEST = 256 << 20
"""Bytes of an answer, which are a million series."""
_MOVED = "exported_"
"""What Prometheus puts before a label that its target has as well."""
_LOGIN = re.compile(r"//[^/?#]*@")
NOTE = (
    "count is the highest value that each series had in the time asked for; Prometheus does not "
    "know when the flows were"
)


class PrometheusError(Exception):
    """A Prometheus that does not answer, or not with a matrix; the message says why."""


class _Series(msgspec.Struct):
    metric: dict[str, str]
    value: tuple[float, str]


class _Vector(msgspec.Struct):
    result: list[_Series]
    result_type: str = msgspec.field(name="resultType", default="")


class Prometheus:
    """The HTTP API of one server, for series that were there in the last `period` seconds.

    `token` is sent as a bearer token. All answers together have `patience` seconds.
    """

    def __init__(
        self, url: str, period: float, token: str = "", patience: float = _PATIENCE
    ) -> None:
        try:
            require_url(url)
        except ValueError as error:
            raise PrometheusError(str(error)) from None
        if _LOGIN.search(url):
            shown = _LOGIN.sub("//", url)
            raise PrometheusError(f"cannot ask {shown}: a URL has no login here: use a token file")
        self._url = url.rstrip("/")
        self._now = time.time()
        self._until = time.monotonic() + patience
        self._period = period
        self._headers = {"Authorization": f"Bearer {token}"} if token else {}

    def series(self, namespaces: Sequence[str] = (), metrics: Sequence[str] = ()) -> Series:
        """The series of all metrics that may hold a matrix, or of those named.

        Each has its label columns, VALUE, and FIRST_SEEN and LAST_SEEN, which are not known (null).
        Series of several targets are added up. Only rows of these `namespaces`, of all if none is
        given. Raises PrometheusError.
        """
        names = list(metrics) or self._candidates()
        return {name: self._frame(name, namespaces) for name in names}

    def _candidates(self) -> list[str]:
        """The metrics with the labels of both workloads and of the port, in any spelling."""
        found: dict[str, None] = {}
        for direction in MatrixDirection:
            for labels in spellings(direction):
                wanted = [k for k, v in labels.items() if v in {"workload", "peer_workload"}]
                port = next(k for k, v in labels.items() if v == "port")
                matcher = ",".join(f'{label}!=""' for label in (*wanted, port))
                found |= dict.fromkeys(self._names("__name__", f"{{{matcher}}}"))
        return list(found)

    def _frame(self, name: str, namespaces: Sequence[str]) -> pl.DataFrame:
        """The series of a metric by its labels, under their own names."""
        there = self._labels(name)
        known = {label for d in MatrixDirection for one in spellings(d) for label in one} | {FLAGS}
        moved = {label.removeprefix(_MOVED): label for label in there if label.startswith(_MOVED)}
        labels = {label: moved.get(label, label) for label in sorted(known & {*there, *moved})}
        query = _query(name, labels, namespaces, round(self._period))
        found = self._ask("query", {"query": query, "time": f"{self._now:.3f}"}, _Vector)
        if found.result_type != "vector":
            raise PrometheusError(f"{self._url} does not answer a query with a vector")
        rows = [
            (*(one.metric.get(label, "") for label in labels.values()), self._number(one.value[1]))
            for one in found.result
        ]
        schema = {**dict.fromkeys(labels, pl.String()), VALUE: pl.Float64()}
        unknown = [pl.lit(None, pl.Float64).alias(column) for column in (FIRST_SEEN, LAST_SEEN)]
        return pl.DataFrame(rows, schema=schema, orient="row").with_columns(unknown)

    def _number(self, text: str) -> float:
        """The value of a counter. Raises PrometheusError for anything else."""
        try:
            found = float(text)
        except ValueError:
            found = math.nan
        if not 0 <= found < math.inf:
            raise PrometheusError(f'{self._url}: a counter has the value "{said(text)}"')
        return found

    def _labels(self, name: str) -> list[str]:
        matcher = f"{{__name__={_quoted(name)}}}"
        return self._ask("labels", self._window({"match[]": matcher}), list[str])

    def _names(self, label: str, matcher: str) -> list[str]:
        return self._ask(f"label/{label}/values", self._window({"match[]": matcher}), list[str])

    def _window(self, query: Mapping[str, str]) -> dict[str, str]:
        start = self._now - self._period
        return {**query, "start": f"{start:.3f}", "end": f"{self._now:.3f}"}

    def _ask(self, what: str, query: Mapping[str, str], form: type[_Data]) -> _Data:
        """The `data` of an answer. A token is for the server that is named, and for no other."""
        url = f"{self._url}/api/v1/{what}"
        request = Request(f"{url}?{urlencode(query)}")  # noqa: S310 - the scheme is checked
        for name, value in self._headers.items():
            request.add_unredirected_header(name, value)
        try:
            found = asked(request, self._until - time.monotonic(), _LARGEST, _why)
        except AnswerError as error:
            raise PrometheusError(f"cannot ask {url}: {error}") from error
        try:
            answer = msgspec.json.decode(found, type=dict[str, msgspec.Raw])
            return msgspec.json.decode(answer["data"], type=form)
        except (ValueError, TypeError, KeyError, RecursionError) as error:
            raise PrometheusError(f"cannot ask {url}: not an answer of Prometheus") from error


def _query(name: str, labels: Mapping[str, str], namespaces: Sequence[str], period: int) -> str:
    """The highest value of each series in the period, added up over the targets."""
    own = {
        labels[label]
        for direction in MatrixDirection
        for one in spellings(direction)
        for label, meaning in one.items()
        if meaning == "namespace" and label in labels
    }
    chosen = [f"{{__name__={_quoted(name)}}}"]
    if namespaces:
        pattern = _quoted("|".join(map(re.escape, namespaces)))
        chosen = [f"{{__name__={_quoted(name)},{label}=~{pattern}}}" for label in sorted(own)]
    highest = [f"max_over_time({one}[{period}s])" for one in chosen]
    return f"sum by ({', '.join(labels.values())}) ({' or '.join(highest)})"


def _quoted(text: str) -> str:
    """A string of PromQL."""
    return msgspec.json.encode(text).decode()


def _why(status: int, refusal: bytes) -> str:
    """What the server says about why it does not answer."""
    return f"{status}: {msgspec.json.decode(refusal)['error']}"
