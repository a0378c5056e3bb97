"""Text from outside (file names, annotations, arguments), escaped so that a line of output stays one harmless line."""

import re
from collections.abc import Sequence

EXAMPLES = 3  # of things of one kind, in messages and reports

# What a terminal obeys or reorders by: C0, DEL and C1 controls, line and paragraph separators, overrides and isolates
# of the direction; and lone surrogates, which no encoding has. Joiners and direction marks belong to ordinary text.
_UNPRINTABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def printable(text: object) -> str:
    r"""Escape what is not to reach a terminal, as bash reads it in $'...': \x1b, \n, \u202e.

    A byte of a file name that is not UTF-8 (a lone surrogate in Python) becomes \xff. Backslashes stay as they are, so
    that text which is printable already does not change.
    """
    return _UNPRINTABLE.sub(_escape, str(text))


def few(examples: Sequence[str], count: int) -> str:
    """Put the first EXAMPLES of `count` things into brackets: "(a.jpg, b.jpg, c.jpg, ...)"."""
    shown = examples[:EXAMPLES]
    return f"({', '.join(shown)}{', ...' if count > len(shown) else ''})"


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # an undecodable byte (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return _SHORT.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}"
