from __future__ import annotations

import typing
from pathlib import Path
from typing import Any

import pytest

from pipeline.config.flowcollector import health, load
from pipeline.config.flowcollector.health import HealthRule, Template
from pipeline.diagnostics import ConfigError
from tests.support.collectors import document, written


def test_there_are_defaults_for_every_template() -> None:
    assert {rule.template for rule in health.DEFAULTS} == set(typing.get_args(Template))


def test_a_rule_takes_the_place_of_the_default_and_a_disabled_one_is_gone() -> None:
    own = HealthRule("DNSErrors", "Recording")
    found = health.effective([own], ["NetpolDenied"])
    assert own in found
    assert len(found) == len(health.DEFAULTS) - 1
    assert health.effective([own], ["DNSErrors"]) == [
        rule for rule in health.DEFAULTS if rule.template != "DNSErrors"
    ]


@pytest.mark.parametrize(
    ("rule", "said"),
    [
        ({"template": "DNSError"}, 'did you mean "DNSErrors"?'),
        ({"template": "DNSErrors", "mode": "Alarm"}, 'unknown value "Alarm"'),
        (
            {"template": "DNSErrors", "variants": [{"thresholds": {"info": "many"}}]},
            'variants[0].thresholds.info: expected a number such as "10", got "many"',
        ),
        ({"template": "DNSErrors", "variants": [{"groupBy": "Pod"}]}, 'unknown value "Pod"'),
    ],
)
def test_what_is_not_a_health_rule_is_refused(
    tmp_path: Path, rule: dict[str, Any], said: str
) -> None:
    processor = {"metrics": {"healthRules": [rule]}}
    with pytest.raises(ConfigError) as error:
        load(written(tmp_path, document(processor=processor)))
    assert said in str(error.value)
