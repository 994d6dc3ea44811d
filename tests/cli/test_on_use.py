"""Packages that are imported when something of them is used."""

from __future__ import annotations

import subprocess
import sys

START = """
import sys
from pipeline.cli.on_use import import_on_use
import_on_use(("colorsys", "wsgiref"))
import colorsys
import wsgiref
def loaded(name):
    return getattr(sys.modules[name], "__spec__", None) is not None
assert not loaded("colorsys") and not loaded("wsgiref")
"""


def run(text: str) -> None:
    subprocess.run([sys.executable, "-c", START + text], check=True)


def test_the_first_use_imports_it() -> None:
    """And one alone; whoever has imported it before has what is in it."""
    run(
        "assert colorsys.rgb_to_hsv(0, 0, 1) == (2 / 3, 1, 1)\n"
        "assert loaded('colorsys') and not loaded('wsgiref')\n"
        "assert vars(colorsys)['rgb_to_hsv'] is sys.modules['colorsys'].rgb_to_hsv\n"
    )


def test_an_import_of_a_part_of_a_package_imports_it() -> None:
    run(
        "from wsgiref.headers import Headers\n"
        "assert loaded('wsgiref')\n"
        "assert wsgiref.headers.Headers is Headers\n"
    )


def test_what_is_not_there_is_an_error_when_it_is_used() -> None:
    run(
        "import_on_use(('nothing_of_this_name',))\n"
        "import nothing_of_this_name\n"
        "try:\n    nothing_of_this_name.part\n"
        "except ModuleNotFoundError as error:\n    assert error.name == 'nothing_of_this_name'\n"
        "else:\n    raise AssertionError\n"
        "try:\n    colorsys.nothing\n"
        "except AttributeError:\n    pass\n"
        "else:\n    raise AssertionError\n"
    )


def test_what_is_imported_already_stays() -> None:
    run(
        "import json\n"
        "import_on_use(('json',))\n"
        "assert sys.modules['json'] is json and loaded('json')\n"
    )
