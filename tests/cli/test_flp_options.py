"""The options of flowlogs-pipeline, as its users give them."""

from __future__ import annotations

import pytest
import typer
from typer.testing import CliRunner

from pipeline.cli.flp_options import Drop, given

app = typer.Typer()


@app.command(cls=Drop)
def show(ctx: typer.Context) -> None:
    for name, text in sorted(given(ctx).items()):
        typer.echo(f"{name}={text}")


def shown(*arguments: str, env: dict[str, str] | None = None) -> list[str]:
    done = CliRunner().invoke(app, arguments, env=env)
    assert done.exit_code == 0, done.stderr
    return done.stdout.splitlines()


def test_both_ways_to_give_a_value() -> None:
    asked = ["--pipeline", "[]", "--log-level=info", "--parameters", ""]
    assert shown(*asked) == ["log-level=info", "pipeline=[]"]


@pytest.mark.parametrize("value", ["", "=true", "=false"])
def test_a_switch_needs_no_value(value: str) -> None:
    found = shown(f"--k8scache.tls-enabled{value}", "--k8scache.port", "9000")
    assert found == ["k8scache.port=9000", f"k8scache.tls-enabled={value[1:] or 'true'}"]


def test_the_environment_gives_what_is_no_argument() -> None:
    env = {
        "FLOWLOGS-PIPELINE_METRICSSETTINGS": "{}",
        "FLOWLOGS-PIPELINE_LOG-LEVEL": "debug",
        "FLOWLOGS-PIPELINE_HEALTH_PORT": "8080",
        "FLOWLOGS-PIPELINE_PROFILE.PORT": "6060",
        "FLOWLOGS-PIPELINE_PIPELINE": "",
    }
    assert shown("--log-level", "trace", env=env) == [
        "health.port=8080",
        "log-level=trace",
        "metricsSettings={}",
        "profile.port=6060",
    ]


def test_an_unknown_option_is_refused_with_the_nearest_name() -> None:
    done = CliRunner().invoke(app, ["--metricSettings", "{}"])
    assert done.exit_code == 2
    assert "No such option: --metricSettings" in done.stderr
    assert "--metricsSettings" in done.stderr
