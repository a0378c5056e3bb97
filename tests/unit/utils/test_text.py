import os
import re
import unicodedata

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.errors import RPFError, printable

DIRECTIONS = "\u202a\u202b\u202c\u202d\u202e\u2066\u2067\u2068\u2069"
UNPRINTABLE = ("Cc", "Cs", "Zl", "Zp")
ordinary = st.characters(exclude_categories=UNPRINTABLE, exclude_characters=DIRECTIONS + "\\")
anything = st.text(ordinary | st.characters(categories=UNPRINTABLE) | st.sampled_from(DIRECTIONS))


@given(anything)
def test_printable_escapes_everything_that_controls_a_terminal(text: str) -> None:
    escaped = printable(text)
    assert not [one for one in escaped if unicodedata.category(one) in UNPRINTABLE or one in DIRECTIONS]
    assert printable(escaped) == escaped
    escaped.encode()


@given(anything)
def test_printable_keeps_different_names_different(text: str) -> None:
    bytes_as_surrogates = re.sub(r"\\x([89a-f].)", r"\\udc\1", printable(text))
    assert bytes_as_surrogates.encode("ascii", "backslashreplace").decode("unicode_escape") == text


@given(st.text(ordinary))
def test_printable_leaves_ordinary_text(text: str) -> None:
    assert printable(text) == text


SCRIPTS = [
    "Độ dài tay áo",
    unicodedata.normalize("NFD", "Độ dài tay áo"),
    "👩🏽\u200d🤝\u200d👨🏻",
    "می\u200cخواهم",
    "שלום\u200f",
    "क्\u200dष",
    r"C:\new\x1b.jpg",
]


@pytest.mark.parametrize("text", SCRIPTS)
def test_printable_leaves_text_of_any_script(text: str) -> None:
    assert printable(text) == text


def test_printable_escapes_as_a_shell_reads_it() -> None:
    name = os.fsdecode(b"\x1b\n\t\r\x00\x7f") + "\x9b\u202e\u2028" + os.fsdecode(b"\xff")
    assert printable(name) == r"\x1b\n\t\r\x00\x7f\u009b\u202e\u2028\xff"


def test_rpf_error_parameters_are_printable_and_numbers_stay_numbers() -> None:
    error = RPFError("%(file)s: %(why)s, %(count)d", file=os.fsdecode(b"\x1b\xff"), why=ValueError("a\nb"), count=3)
    assert str(error) == error.template % error.params == r"\x1b\xff: a\nb, 3"
