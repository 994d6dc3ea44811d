"""What a file says besides its stages (docs/reference/flowlogs-pipeline.md#metrics-settings)."""

from __future__ import annotations

from typing import Any

import pytest

from pipeline import config
from pipeline.config.flp import settings
from pipeline.config.flp.dialect import Metrics, Root
from pipeline.diagnostics import ConfigError
from tests.config.flp.given import START, findings, translated


def test_four_keys_are_read_strictly_whatever_their_case() -> None:
    data = {"Pipeline": [], "METRICSSETTINGS": {}, "log-level": "info", "metrics": 1}
    strict, rest = settings.split(data)
    assert list(strict) == ["Pipeline", "METRICSSETTINGS"]
    assert list(rest) == ["log-level", "metrics"]


@pytest.mark.parametrize(
    ("others", "level"),
    [
        ({}, "error"),
        ({"log-level": "trace"}, "debug"),
        ({"Log-Level": "WARN"}, "warning"),
        ({"log-level": "info"}, "info"),
        ({"log-level": "loud"}, "error"),
        ({"log-level": None}, "error"),
        ({"log-level": 7}, "error"),
    ],
)
def test_a_level_that_is_not_valid_means_error(others: dict[str, Any], level: str) -> None:
    assert settings.native(Root(), others)["log_level"] == level
    assert list(settings.rest(others)) == []


def test_the_server_listens_on_all_addresses_at_9090() -> None:
    root = Root(metrics_settings=Metrics(address="fd00::1"))
    everywhere = "0.0.0.0"  # noqa: S104 - the default of the original
    assert settings.native(Root(), {})["server"] == {"listen": f"{everywhere}:9090"}
    assert settings.native(root, {})["server"] == {"listen": "[fd00::1]:9090"}


def test_unknown_top_level_keys_are_warned_of() -> None:
    assert findings("pipelines: 1\nlog-level: warn\nperfSettings: 1\nprofile: {port: 80}\n") == [
        ("1:1", 'warning: unknown key "pipelines" is ignored', 'did you mean "pipeline"?'),
        (
            "3:1",
            'warning: "perfSettings" is not used here',
            "the original does not read it from a file either",
        ),
        (
            "4:1",
            'warning: "profile" is not used here',
            "there is no profiling server",
        ),
    ]


def test_settings_have_the_defaults_of_the_original() -> None:
    assert translated(START).settings == {
        "server": {"listen": "0.0.0.0:9090"},
        "self_metrics": {"prefix": "", "process": True},
        "log_level": "error",
    }


def test_settings_as_given() -> None:
    translation = translated(
        START + "log-level: trace\nmetricsSettings:\n  address: '::1'\n  port: 9102\n"
        "  prefix: op_\n  noPanic: true\n  suppressDefaultMetrics: true\n"
        "  tls: {certPath: c.pem, keyPath: k.pem}\n"
    )
    assert translation.settings == {
        "server": {
            "listen": "[::1]:9102",
            "tls_cert": "c.pem",
            "tls_key": "k.pem",
            "optional": True,
        },
        "self_metrics": {"prefix": "op_", "process": False},
        "log_level": "debug",
    }
    assert translation.origins["self_metrics", "prefix"] == ("metricsSettings", "prefix")


@pytest.mark.parametrize(
    ("said", "listen", "origin"),
    [
        ({"healthAddr": ":8080"}, "0.0.0.0:8080", ("healthAddr",)),
        ({"HEALTHADDR": "127.0.0.1:1", "health": {"port": 2}}, "127.0.0.1:1", ("HEALTHADDR",)),
        ({"healthAddr": "", "health": {"port": 8080}}, "0.0.0.0:8080", ("health", "port")),
        ({"health": {"address": "::1", "port": "8080"}}, "[::1]:8080", ("health", "port")),
        ({"health": {"port": 0}}, "", None),
        ({"health": 8080}, "", None),
        ({}, "", None),
    ],
)
def test_probes_are_answered_where_either_form_says(
    said: dict[str, Any], listen: str, origin: tuple[str, ...] | None
) -> None:
    found = settings.health(said)
    assert found.listen == listen
    assert found.origins == ({("server", "health"): origin} if origin else {})
    assert settings.native(Root(), said)["server"].get("health", "") == listen
    assert list(settings.rest(said)) == []


def test_an_address_for_probes_that_is_not_valid_has_its_place() -> None:
    text = START + "- {name: s, write: {type: none}}\nhealthAddr: 8080\n"
    with pytest.raises(ConfigError, match=r'f:7:13: error: .*"8080" is not host:port'):
        config.loads(text, "f")


OWN = "- {name: s, encode: {type: prom, prom: {port: 1234, metrics: []}}}\n"


def test_the_server_of_a_stage_is_the_server_when_it_is_the_only_one() -> None:
    for more in ("", "metricsSettings: {disableGlobalServer: true, port: 9}\n"):
        translation = translated(START + OWN + more)
        assert translation.problems == []
        assert translation.settings["server"] == {"listen": "0.0.0.0:1234"}


@pytest.mark.parametrize(
    ("more", "first", "others"),
    [
        ("- {name: t, encode: {type: prom}}\n", 9090, {1234: ["s"]}),
        ("- {name: t, encode: {type: prom, prom: {port: 1}}}\n", 9090, {1234: ["s"], 1: ["t"]}),
        ("- {name: t, encode: {type: prom, prom: {port: 1234}}}\n", 1234, {}),
        ("metricsSettings: {port: 9102}\n", 9102, {1234: ["s"]}),
        ("metricsSettings: {port: 1234}\n", 1234, {}),
    ],
)
def test_stages_may_have_servers_besides_that_of_all(
    more: str, first: int, others: dict[int, list[str]]
) -> None:
    translation = translated(START + OWN + more)
    assert translation.problems == []
    assert translation.settings["server"] == {"listen": f"0.0.0.0:{first}"}
    assert translation.settings.get("metric_servers", []) == [
        {"stages": stages, "listen": f"0.0.0.0:{port}"} for port, stages in others.items()
    ]


def test_servers_of_stages_have_places() -> None:
    tls = "- {name: t, encode: {type: prom, prom: {tls: {certPath: c, keyPath: k}}}}\n"
    text = START + OWN + tls + "metricsSettings: {disableGlobalServer: true}\n"
    translation = translated(text)
    assert translation.settings["metric_servers"][1] == {
        "stages": ["t"],
        "listen": "0.0.0.0:9090",
        "tls_cert": "c",
        "tls_key": "k",
    }
    at = ("parameters", 2, "encode", "prom")
    assert translation.origins["metric_servers", 1, "tls_cert"] == (*at, "tls", "certPath")
    assert translation.settings["server"] == {"listen": "127.0.0.1:9090", "optional": True}
    assert [problem.message for problem in translation.problems] == [
        "the server cannot be switched off: it listens on this host only"
    ]


def test_no_server_at_all_is_one_on_this_host_only() -> None:
    text = (
        START + "- {name: s, write: {type: none}}\nmetricsSettings: {disableGlobalServer: true}\n"
    )
    assert translated(text).settings["server"] == {"listen": "127.0.0.1:9090", "optional": True}
    assert findings(text) == [
        ("7:40", "warning: the server cannot be switched off: it listens on this host only", "")
    ]
