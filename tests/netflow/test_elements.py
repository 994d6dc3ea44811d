"""The tables of elements."""

from pipeline.netflow import elements as e


def test_an_element_is_in_one_table() -> None:
    tables = (e.NUMBERS, e.ADDRESSES, e.LABELS, e.START, e.END)
    numbers = [*e.FLAGS_OF_FRAGMENTS, *e.ICMP, *(number for table in tables for number in table)]
    assert len(numbers) == len(set(numbers))


def test_times_have_their_units() -> None:
    assert e.START == {22: "uptime", 150: "s", 152: "ms", 154: "us", 156: "ns", 158: "delta"}
    assert e.END == {21: "uptime", 151: "s", 153: "ms", 155: "us", 157: "ns", 159: "delta"}
