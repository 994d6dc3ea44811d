from __future__ import annotations

from pipeline.config.flowcollector import promql
from pipeline.config.flowcollector.promql import Selection


def test_the_rate_of_everything() -> None:
    assert promql.rate(Selection("m"), "", "") == "sum(rate(m[2m]))"
    assert promql.rate(Selection("m", 'a="b"'), "", "", more="le") == (
        'sum by (le) (rate(m{a="b"}[2m]))'
    )


def test_an_end_gives_its_labels_common_names() -> None:
    """So that sources and destinations can be compared; an end without them is left out."""
    assert promql.rate(Selection("m"), "Namespace", "Src", window="1h", offset="1d") == (
        'sum by (namespace) (label_replace(rate(m{SrcK8S_Namespace!=""}[1h] offset 1d), '
        '"namespace", "$1", "SrcK8S_Namespace", "(.*)"))'
    )
    assert promql.labels("Workload") == ["namespace", "workload", "kind"]


def test_percentages() -> None:
    assert promql.share("a", "b") == "100 * (a) / (b)"
    assert promql.share("a", "b", "5") == "100 * (a) / (b > 5)"
    assert promql.increase("a", "b") == "100 * ((a) - (b)) / (b)"


def test_levels_do_not_overlap_and_have_no_gap() -> None:
    assert promql.above("q", "10") == "q > 10"
    assert promql.above("q", "5", "10") == "q > 5 <= 10"
