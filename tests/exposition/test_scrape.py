"""Rates and totals from two scrapes."""

from __future__ import annotations

import pytest

from pipeline.exposition.scrape import Scrape, parse, partitions, stages

PAGE = """\
# TYPE netobserv_flows counter
netobserv_flows{a="stage_flows_in{"} 5
# TYPE my_stage_flows_in counter
my_stage_flows_in{stage="flows"} 1000
my_stage_flows_in{stage="k8s"} 990
my_stage_flows_out{stage="flows"} 990
my_stage_flows_rejected{stage="flows"} 10
my_stage_seconds{stage="flows"} 0.002
my_kafka_offset{topic="t",partition="10"} 500
my_kafka_offset{topic="t",partition="2"} 7e+02
my_kafka_lag{topic="t",partition="10"} 44
my_kafka_rejected{topic="t",partition="10"} 3
my_kafka_checkpoint_age_seconds{topic="t",partition="10"} 1.5
"""
LATER = PAGE.replace("1000", "3000").replace(" 0.002", " 0.006").replace("7e+02", "1e+03")


def scrape(page: str, at: float, worker: str = "w") -> Scrape:
    return parse(worker, at, page)


def test_partitions_have_lag_and_rate() -> None:
    rows = partitions([scrape(PAGE, 10)], [scrape(LATER, 12)])
    assert [tuple(row) for row in rows] == [
        ("w", "t", 2, 1000, 0, 150.0, 0, 0.0),
        ("w", "t", 10, 500, 44, 0.0, 3, 1.5),
    ]


def test_stages_add_up_over_workers() -> None:
    before = [scrape(PAGE, 10, "a"), scrape(PAGE, 10, "b")]
    flows, k8s = stages(before, [scrape(LATER, 12, "a"), scrape(PAGE, 12, "b")])
    assert flows[:6] == ("flows", 4000, 1980, 0, 20, 1000.0)
    assert flows.micros == pytest.approx(2.0)
    assert k8s == ("k8s", 1980, 0, 0, 0, 0.0, 0.0)


def test_a_worker_that_began_anew_or_just_came_has_no_rate() -> None:
    (flows, _) = stages([scrape(LATER, 10)], [scrape(PAGE, 11)])
    assert flows.flows_per_second == 0
    assert flows.micros == pytest.approx(2.0)
    assert partitions([], [scrape(PAGE, 1)])[0].flows_per_second == 0


def test_a_page_of_something_else_is_refused() -> None:
    with pytest.raises(ValueError, match="http://x shows no metrics of stages"):
        parse("http://x", 0, "up 1\n")


def test_no_flow_no_time() -> None:
    (row,) = stages([], [scrape('stage_flows_in{stage="s"} 0\n', 1)])
    assert row.micros is None


@pytest.mark.parametrize(
    "sample",
    [
        'kafka_lag{topic="t",partition="0"} NaN',
        'stage_seconds{stage="in"} 1e308',
        'kafka_offset{topic="t"} 1',
        'kafka_offset{topic="t",partition="first"} 1',
        'stage_seconds{stage="in"} many',
    ],
)
def test_a_value_that_no_worker_shows_is_an_error(sample: str) -> None:
    page = f'flowmatrix_stage_flows_in{{stage="in"}} 1\nflowmatrix_{sample}\n'
    with pytest.raises(ValueError, match=r"w shows|could not convert"):
        parse("w", 0.0, page)


@pytest.mark.parametrize("labels", ["a" * 100_000, 'a="' + "\\a" * 100_000, 'a="' * 100_000])
def test_labels_without_an_end_take_time_by_their_length(labels: str) -> None:
    """They took quadratic time, and `top` stood still."""
    assert parse("w", 0, f"{PAGE}my_x{{{labels}}} 1\n").values["x"]
