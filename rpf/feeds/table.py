"""Tables in text files: CSV and its relatives, with the separator found by the header."""

import csv
from collections import Counter, deque
from collections.abc import Callable, Iterator, Sequence
from itertools import chain, islice
from typing import Literal

from rpf.feeds.files import FeedRecord
from rpf.feeds.problems import ProblemLog

SEPARATORS = ",;\t|"
HEADER_LINES = 100  # in which a header with quoted line breaks has to end


class _Lines(Iterator[str]):
    """Lines that can be put back, and those that were taken since `taken` was cleared."""

    def __init__(self, lines: Iterator[str]) -> None:
        self._lines = lines
        self._returned: deque[str] = deque()
        self.taken: list[str] = []

    def __next__(self) -> str:
        line = self._returned.popleft() if self._returned else next(self._lines)
        self.taken.append(line)
        return line

    def keep_first(self) -> None:
        """Put back all that were taken but the first one."""
        self._returned.extendleft(reversed(self.taken[1:]))
        del self.taken[1:]


class FeedTable:
    """A table: its header, and its rows as records."""

    def __init__(
        self, lines: Iterator[str], rate: Callable[[Sequence[str]], tuple[bool, int]], log: ProblemLog
    ) -> None:
        """Read the header.

        rate: how good a header is; the separator under which it is best is taken.
        """
        self._log = log
        head = list(islice(lines, HEADER_LINES))
        first = 1 if head and head[0].lower().startswith("sep=") else 0  # Excel's note of the separator
        first += next((number for number, line in enumerate(head[first:]) if line.strip()), 0)
        headers = {separator: _header(head[first:], separator) for separator in SEPARATORS}
        self.separator = max(SEPARATORS, key=lambda separator: rate(headers[separator][0]))
        self.header, height = headers[self.separator]
        self.header_line = first + 1
        self._line = first + height  # last one that was read
        self._lines = _Lines(chain(head[first + height :], lines))

    def records(self) -> Iterator[FeedRecord]:
        """Yield the rows with as many cells as the header; report the others. Empty rows are skipped."""
        repeated = {name for name, count in Counter(self.header).items() if count > 1}
        for line, row in self._rows():
            if not any(row):
                continue
            if len(row) != len(self.header):
                self._report(line, len(row))
                continue
            cells: dict[str, str | list[str]] = {
                name: cell for name, cell in zip(self.header, row, strict=True) if cell
            }
            for name in repeated & cells.keys():
                cells[name] = [cell for column, cell in zip(self.header, row, strict=True) if column == name and cell]
            yield FeedRecord(line, cells)

    def _rows(self) -> Iterator[tuple[int, list[str]]]:
        """Yield each row with the line in which it begins.

        A quotation mark that is never closed would swallow the rows after it, therefore a row that does not fit is read
        again as one line alone.
        """
        reader = csv.reader(self._lines, delimiter=self.separator, strict=True)
        while True:
            self._lines.taken.clear()
            try:
                row = self._cut(next(reader))
            except StopIteration:
                return
            except csv.Error:
                row = self._read_first_line()
            else:
                may_be_letters = len(row) != len(self.header) or self.separator == "\t"
                if may_be_letters and self._are_rows(self._lines.taken):
                    row = self._read_first_line()
            begin = self._line + 1
            self._line += len(self._lines.taken)
            yield begin, row

    def _are_rows(self, lines: Sequence[str]) -> bool:
        """Return whether several lines that were read as one row, for their quotation marks, are rows without them."""
        width = len(self.header)
        return len(lines) > 1 and all(len(self._read_line(line, csv.QUOTE_NONE)) == width for line in lines)

    def _read_first_line(self) -> list[str]:
        """Read the first line of a broken row alone, if need be with its quotation marks as letters."""
        self._lines.keep_first()
        row = self._read_line(self._lines.taken[0], csv.QUOTE_MINIMAL)
        return row if len(row) == len(self.header) else self._read_line(self._lines.taken[0], csv.QUOTE_NONE)

    def _read_line(self, line: str, quoting: Literal[0, 3]) -> list[str]:
        try:
            row = next(csv.reader([line], delimiter=self.separator, quoting=quoting), [])
        except csv.Error:  # a cell of more than 128 KB
            return []
        return self._cut([cell.rstrip("\r\n") for cell in row])

    def _cut(self, row: list[str]) -> list[str]:
        """Leave out empty cells after the last column."""
        width = len(self.header)
        return row if any(row[width:]) else row[:width]

    def _report(self, line: int, cells: int) -> None:
        message = f"The row has {cells} cells, the header {len(self.header)}: it is left out."
        hint = (
            "Put cells with separators, line breaks or quotation marks into quotation marks, and double those inside."
        )
        self._log.add(line, "", f"{message} {hint}")
        self._log.broken_rows += 1


def _header(lines: Sequence[str], separator: str) -> tuple[list[str], int]:
    """Return the names of the columns and the number of lines that they take."""
    for strict, some in ((True, lines), (False, lines[:1])):  # the first line alone if quotation marks are not closed
        reader = csv.reader(some, delimiter=separator, strict=strict)
        try:
            return [name.strip() for name in next(reader, [])], reader.line_num
        except csv.Error:
            continue
    return [], 1
