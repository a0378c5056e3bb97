"""Problems of a feed, by line and column."""

from dataclasses import dataclass, field
from typing import NamedTuple

from rpf.errors import printable

MAX_QUOTED_LENGTH = 80  # characters of a value in a message
# Stands for a NUL, which neither csv of Python 3.10 nor SQLite takes. Unicode keeps this code point free for such uses.
NUL = "\ufdd0"


class FeedProblem(NamedTuple):
    """A row or a cell that was left out, or that was read with a doubt; the message says which."""

    line: int  # of the file, where the row begins
    column: str  # "" where the row as a whole is meant
    message: str
    product: str = ""  # id of the product that it concerns, where that is known

    def __str__(self) -> str:
        place = f'Line {self.line}, column "{self.column}"' if self.column else f"Line {self.line}"
        return f"{place}: {self.message}"


@dataclass
class ProblemLog:
    """Problems in the order in which they are met."""

    problems: list[FeedProblem] = field(default_factory=list)
    broken_rows: int = 0  # that have no cells

    def add(self, line: int, column: str, message: str, product: str = "") -> None:
        column, message, product = (printable(text.replace(NUL, "\0")) for text in (column, message, product))
        self.problems.append(FeedProblem(line, column, message, product))


def quoted(value: str) -> str:
    """Quote a value for a message, shortened."""
    shown = value if len(value) <= MAX_QUOTED_LENGTH else f"{value[: MAX_QUOTED_LENGTH - 1]}…"
    return f'"{shown.replace(NUL, chr(0))}"'
