"""The options of flowlogs-pipeline, under its names (docs/reference/flowlogs-pipeline.md#files)."""

from __future__ import annotations

from typing import Annotated, Any

import typer
from typer.core import TyperCommand

_PREFIX = "FLOWLOGS-PIPELINE_"
_BLOCK = "The block of this name, as JSON."
_HEALTH = "Answer /live and /ready here."
_CACHE = "Accepted and not used: each process has an index of its own."
_PROFILE = "Accepted and not used: there is no profiling server."
_ADDRESS = "[HOST]:PORT"
_SWITCH = "--k8scache.tls-enabled"


def given(ctx: typer.Context) -> dict[str, str]:
    """The texts that a command was given, by the names of their options."""
    found: dict[str, str] = ctx.meta.setdefault(__name__, {})
    return found


def _keep(ctx: typer.Context, option: typer.CallbackParam, text: str) -> None:
    if text:
        given(ctx)[option.opts[0].removeprefix("--")] = text


def _option(name: str, about: str, metavar: str = "TEXT") -> Any:
    """An option that the environment may give too; a dot in its name is `_` there, or a dot."""
    variables = [f"{_PREFIX}{one.upper()}" for one in {name.replace(".", "_"): 1, name: 2}]
    return typer.Option(
        f"--{name}",
        help=about,
        metavar=metavar,
        envvar=variables,
        callback=_keep,
        expose_value=False,
    )


def _all(
    pipeline: Annotated[str, _option("pipeline", _BLOCK)] = "",
    parameters: Annotated[str, _option("parameters", _BLOCK)] = "",
    dynamic: Annotated[str, _option("dynamicParameters", _BLOCK)] = "",
    metrics: Annotated[str, _option("metricsSettings", _BLOCK)] = "",
    log_level: Annotated[
        str, _option("log-level", "The least level logged; error if not given.", "LEVEL")
    ] = "",
    health: Annotated[str, _option("healthAddr", _HEALTH, _ADDRESS)] = "",
    health_port: Annotated[str, _option("health.port", _HEALTH, "PORT")] = "",
    health_host: Annotated[str, _option("health.address", "For --health.port.", "HOST")] = "",
    pprof: Annotated[str, _option("pprofAddr", _PROFILE, _ADDRESS)] = "",
    profile: Annotated[str, _option("profile.port", _PROFILE, "PORT")] = "",
    host: Annotated[str, _option("k8scache.address", _CACHE, "HOST")] = "",
    port: Annotated[str, _option("k8scache.port", _CACHE, "PORT")] = "",
    tls: Annotated[str, _option(_SWITCH.removeprefix("--"), _CACHE, "BOOL")] = "",
    cert: Annotated[str, _option("k8scache.tls-cert-path", _CACHE, "FILE")] = "",
    key: Annotated[str, _option("k8scache.tls-key-path", _CACHE, "FILE")] = "",
    ca: Annotated[str, _option("k8scache.tls-ca-path", _CACHE, "FILE")] = "",
) -> None:
    """The options alone: they are added to the command."""


class Drop(TyperCommand):
    """A command that has these options."""

    def __init__(self, *arguments: Any, **named: Any) -> None:
        super().__init__(*arguments, **named)
        carrier = typer.Typer(add_completion=False)
        carrier.command()(_all)
        self.params += typer.main.get_command(carrier).params

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        """What is left of the arguments; a switch needs no value."""
        return super().parse_args(ctx, [f"{one}=true" if one == _SWITCH else one for one in args])
