"""Texts: what can be stored, cells of spreadsheets, and lists of examples in messages."""

from collections.abc import Sequence

MAX_TEXT = 4096  # characters
EXAMPLES = 3  # of things of one kind


def format_examples(examples: Sequence[str], count: int) -> str:
    """Put the first EXAMPLES of `count` things into brackets: "(a.jpg, b.jpg, c.jpg, ...)"."""
    shown = examples[:EXAMPLES]
    return f"({', '.join(shown)}{', ...' if count > len(shown) else ''})"


def usable_text(text: str) -> bool:
    """Return whether a text can be stored and used as a path: not too long, no NUL, no half of a surrogate pair."""
    return len(text) <= MAX_TEXT and "\0" not in text and text.encode(errors="ignore").decode() == text


def text_cell(text: str) -> str:
    """Put an apostrophe before a text that a spreadsheet would run as a formula."""
    return f"'{text}" if text.startswith(("=", "+", "-", "@", "\t", "\r")) else text
