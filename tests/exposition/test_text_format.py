"""The exposition: exact names, escaping, formats, series that start at zero."""

import polars as pl
import pytest
from prometheus_client.parser import text_string_to_metric_families

from pipeline.exposition.text_format import Exposition, bound_text, render_family
from pipeline.stage import COUNT, SUM, VALUE, Delta, Family, Kind, Policy, Rule, bucket
from pipeline.state import series_table
from pipeline.state.ledger import Ledger

FAMILY = Family("netobserv_workload_syn_in", Kind.COUNTER, ("namespace", "port"), "SYN\nflows")


def frame(*rows: tuple[str, str, float]) -> pl.DataFrame:
    return pl.DataFrame(rows, schema=["namespace", "port", VALUE], orient="row")


def test_a_counter_keeps_its_exact_name() -> None:
    assert render_family(FAMILY, frame(("netobserv", "443", 2.0), ("", "80", 1.5))) == (
        "# HELP netobserv_workload_syn_in SYN\\nflows\n"
        "# TYPE netobserv_workload_syn_in counter\n"
        'netobserv_workload_syn_in{namespace="netobserv",port="443"} 2\n'
        'netobserv_workload_syn_in{namespace="",port="80"} 1.5\n'
    )


def test_label_values_are_escaped_and_read_back() -> None:
    nasty = 'é"\\\nx{}=,'
    text = render_family(FAMILY, frame((nasty, "1", 1.0)))
    families = list(text_string_to_metric_families(text))
    assert [s.labels["namespace"] for family in families for s in family.samples] == [nasty]


@pytest.mark.parametrize(
    ("value", "printed"),
    [(9007199254740992.0, "9007199254740992.0"), (float("inf"), "+Inf"), (1e-9, "1e-9")],
)
def test_values(value: float, printed: str) -> None:
    line = render_family(FAMILY, frame(("a", "b", value))).splitlines()[-1]
    assert line.split()[-1] == printed
    assert float(printed) == value


def test_a_series_without_labels() -> None:
    series = pl.DataFrame({VALUE: [3.0]})
    assert render_family(Family("x", Kind.GAUGE, ()), series) == "# TYPE x gauge\nx 3\n"


def test_a_histogram_is_cumulative() -> None:
    family = Family("h", Kind.HISTOGRAM, ("a",), buckets=(0.5, 1.0))
    rows = {"a": ["x"], COUNT: [6], SUM: [7.25], bucket(0): [1], bucket(1): [2], bucket(2): [3]}
    assert render_family(family, pl.DataFrame(rows)) == (
        "# TYPE h histogram\n"
        'h_bucket{a="x",le="0.5"} 1\n'
        'h_bucket{a="x",le="1"} 3\n'
        'h_bucket{a="x",le="+Inf"} 6\n'
        'h_sum{a="x"} 7.25\n'
        'h_count{a="x"} 6\n'
    )


def test_bounds_print_as_in_go() -> None:
    assert [*map(bound_text, (0.005, 1.0, 2.5, 1e6, 1e9))] == [
        "0.005",
        "1",
        "2.5",
        "1e+06",
        "1e+09",
    ]


def test_zero_first_shows_every_new_series_at_zero_once() -> None:
    ledger = Ledger({FAMILY.name: (FAMILY, Policy("stage", expiry=60.0, zero_first=True))})
    server = Exposition()

    def scrape(now: float) -> list[str]:
        lines = server.render(ledger.tables(), now).splitlines()
        return [line.split()[-1] for line in lines if not line.startswith("#")]

    ledger.merge([Delta(FAMILY, frame(("a", "1", 5.0)))], 0.0)
    assert scrape(1.0) == ["0"]
    assert scrape(2.0) == ["5"]
    ledger.merge([Delta(FAMILY, frame(("b", "1", 1.0)))], 3.0)
    assert scrape(4.0) == ["5", "0"]
    assert scrape(100.0) == []
    ledger.merge([Delta(FAMILY, frame(("a", "1", 2.0)))], 200.0)
    assert scrape(201.0) == ["5"]
    assert scrape(202.0) == ["7"]
    assert Exposition().render(ledger.tables()).endswith('port="1"} 1\n')


def test_a_large_family_comes_in_parts_that_escape_alike() -> None:
    """What is escaped in the last part alone is escaped there, and each line is there once."""
    ledger = Ledger({FAMILY.name: (FAMILY, Policy("stage"))})
    rows = [(f"n{number}", "1", float(number)) for number in range(60_000)]
    ledger.merge([Delta(FAMILY, frame(*rows, ('a"b', "2", 0.5)))], 0.0)
    parts = list(Exposition().parts(ledger.tables(), 1.0))
    assert len(parts) == 4, "the head, and three of lines"
    assert max(map(len, parts)) < sum(map(len, parts)) / 2
    lines = "".join(parts).splitlines()
    own = f"{FAMILY.name}{{namespace="
    assert lines[2:-1] == [f'{own}"n{n}",port="1"}} {n}' for n in range(60_000)]
    assert lines[-1] == f'{own}"a\\"b",port="2"}} 0.5'


def test_zero_first_goes_on_when_a_table_numbers_its_label_sets_anew(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """What was shown is known by its labels then: known ones go on, new ones begin at zero."""
    monkeypatch.setattr(series_table, "_WASTE", 0)
    policy = Policy("stage", expiry=60.0, zero_first=True, retention=100.0)
    ledger, server = Ledger({FAMILY.name: (FAMILY, policy)}), Exposition()

    def scrape(*rows: tuple[str, str, float], now: float) -> dict[str, str]:
        ledger.merge([Delta(FAMILY, frame(*rows))], now)
        lines = server.render(ledger.tables(), now).splitlines()[2:]
        return {line.split('"')[1]: line.split()[-1] for line in lines}

    old = [(f"old{number}", "1", 1.0) for number in range(50)]
    assert set(scrape(*old, now=0.0).values()) == {"0"}
    assert scrape(("a", "1", 5.0), now=100.0) == {"a": "0"}
    before = ledger.tables()[0].rows.sets
    assert scrape(("b", "1", 3.0), ("a", "1", 2.0), now=130.0) == {"a": "7", "b": "0"}
    assert ledger.tables()[0].rows.sets is not before
    assert scrape(("c", "1", 1.0), now=131.0) == {"a": "7", "b": "3", "c": "0"}


def test_facts_are_not_exposed() -> None:
    family = Family("facts", None, (), facts=(("n", Rule.SUM),))
    ledger = Ledger({"facts": (family, Policy("stage", zero_first=True))})
    ledger.merge([Delta(family, pl.DataFrame({"n": [1]}))], 1.0)
    assert Exposition().render(ledger.tables(), 1.0) == ""
