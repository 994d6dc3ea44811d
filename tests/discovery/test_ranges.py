from __future__ import annotations

import json
from pathlib import Path

import pytest

from discovery import ranges
from discovery.ranges import GROUP, RANGES
from pipeline.diagnostics import ConfigError
from tests.discovery.made import AWS, known


def test_how_narrow_a_service_is() -> None:
    """By version: how many addresses its provider publishes for it."""
    found = known(*AWS)
    assert found.schema == RANGES
    four = found.filter(found["version"] == 4).select("service", "published").unique()
    assert dict(four.rows()) == {
        "AMAZON": 1024 + 1024 + 512 + 2**18,
        "EC2": 1024 + 1024 + 2**18,
        "S3": 256 + 256 + 1024 + 512 + 512 + 1024 + 16 + 16 + 3 * 256,
    }


def test_a_range_is_written_as_usual_and_once(tmp_path: Path) -> None:
    one, two = tmp_path / "one.txt", tmp_path / "two.txt"
    one.write_text("10.0.0.7/8\n2001:DB8::/32\n192.0.2.7\n10.0.0.0/8\n")
    two.write_text("10.0.0.0/8\n")
    found = ranges.read([one, two])
    assert found.select("cidr", *GROUP, "list").rows() == [
        ("10.0.0.0/8", "one", "", "", "one.txt"),
        ("2001:db8::/32", "one", "", "", "one.txt"),
        ("192.0.2.7/32", "one", "", "", "one.txt"),
        ("10.0.0.0/8", "two", "", "", "two.txt"),
    ]
    assert ranges.titles(found) == ["one.txt", "two.txt"]


def test_a_range_that_is_not_a_cidr_is_named(tmp_path: Path) -> None:
    file = tmp_path / "aws.json"
    prefixes = [{"ip_prefix": text, "service": "S3"} for text in ("10.0.0.0/8", "10.0.0.0/99")]
    file.write_text(json.dumps({"prefixes": prefixes, "ipv6_prefixes": [], "createDate": "x"}))
    with pytest.raises(ConfigError) as refused:
        ranges.read([file])
    assert str(refused.value) == (
        f'{file}: error: range 2 (AWS S3): "10.0.0.0/99" is not a valid CIDR'
    )


def test_no_list_is_a_frame_without_rows() -> None:
    assert ranges.read([]).schema == RANGES
