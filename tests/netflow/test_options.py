"""What records of options say."""

import struct

import pytest

from pipeline.netflow.options import Options, read
from pipeline.netflow.template import VARIABLE, Field, Template

SCOPE = Field(149, 4)


@pytest.mark.parametrize(
    ("fields", "record", "said"),
    [
        ([(34, 4)], struct.pack(">I", 100), Options(100)),
        ([(34, 4), (50, 4)], struct.pack(">II", 100, 200), Options(200)),
        ([(305, 4)], struct.pack(">I", 50), Options(50)),
        ([(305, 4), (306, 4)], struct.pack(">II", 1, 99), Options(100)),
        ([(311, 8)], struct.pack(">d", 0.01), Options(100)),
        ([(311, 4)], struct.pack(">f", 0.5), Options(2)),
        ([(311, 8)], struct.pack(">d", 0.0), Options()),
        ([(311, 2)], bytes(2), Options()),
        ([(160, 8)], struct.pack(">Q", 1234), Options(began=1234)),
        ([(82, VARIABLE), (34, 1)], b"\xff\0\2ab\7", Options(7)),
        ([(41, 4)], bytes(4), Options()),
    ],
)
def test_what_is_said(fields: list[tuple[int, int]], record: bytes, said: Options) -> None:
    made = Template(10, (SCOPE, *(Field(*field) for field in fields)), scopes=1)
    assert read(made, bytes(4) + record) == said


def test_elements_of_enterprises_say_nothing() -> None:
    assert read(Template(10, (Field(34, 4, 29),), scopes=1), b"\0\0\0\1") == Options()
