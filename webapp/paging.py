"""Pages of results: their size, where the list ends, and the numbers to offer.

The list ends after the last result that is at least somewhat close: what is further down shows something else. "Show
the rest" goes on.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import request
from werkzeug.exceptions import NotFound

from rpf.engine import Hit, Results

PAGE_SIZES = (24, 48)
MAX_PAGE = 10**6
MIN_SHOWN = 12  # results, however few are close
END_DEPTH = 1_000  # results among which the last close one is looked for


@dataclass(frozen=True)
class Page:
    """A page of results in an address."""

    number: int  # from 1
    size: int
    with_rest: bool  # also what is not close

    @classmethod
    def read(cls) -> "Page":
        """Read the page from the address. Raises NotFound."""
        number = request.args.get("page", 1, type=int)
        size = request.args.get("n", PAGE_SIZES[0], type=int)
        if not 1 <= number <= MAX_PAGE or size not in PAGE_SIZES:
            raise NotFound
        return cls(number, size, "rest" in request.args)

    @property
    def offset(self) -> int:
        """Return the number of results before the page."""
        return (self.number - 1) * self.size

    @property
    def args(self) -> Mapping[str, Any]:
        """Return the arguments of `url_for` for another page of the same list."""
        return {"n": self.size if self.size != PAGE_SIZES[0] else None, "rest": 1 if self.with_rest else None}

    @property
    def end_depth(self) -> int:
        """Return the number of results among which the last close one is to be looked for."""
        return 0 if self.with_rest else END_DEPTH


@dataclass(frozen=True)
class ResultPage:
    """The part of a ranking that a page shows."""

    page: Page
    results: Results

    @property
    def end(self) -> int | None:
        """Return the number of results in the list; None where it goes on to the end of the ranking.

        A page behind the end was asked for by its number, and is shown.
        """
        if self.results.last_close is None:
            return None
        end = max(self.results.last_close, MIN_SHOWN)
        return end if self.page.offset < end < self.results.total else None

    @property
    def hits(self) -> list[Hit]:
        """Return the results on the page."""
        return self.results.hits if self.end is None else self.results.hits[: self.end - self.page.offset]

    @property
    def shown(self) -> int:
        """Return the rank of the last result on the page."""
        return self.page.offset + len(self.hits)

    @property
    def ends_here(self) -> bool:
        """Return whether the list ends on this page, though the ranking goes on."""
        return self.shown == self.end

    @property
    def next_number(self) -> int | None:
        """Return the number of the next page."""
        return self.page.number + 1 if self.page.number < self._last else None

    @property
    def numbers(self) -> list[int | None]:
        """Return the page numbers to offer: the ends and the neighbours, None for a gap."""
        at, last = self.page.number, self._last
        offered = sorted({1, last, *range(max(1, at - 1), min(last, at + 1) + 1)})
        numbers: list[int | None] = []
        for before, number in zip([0, *offered], offered, strict=False):
            if number - before == 2:
                numbers.append(number - 1)
            elif number - before > 2:
                numbers.append(None)
            numbers.append(number)
        return numbers

    @property
    def _last(self) -> int:
        return -(-(self.end or self.results.total) // self.page.size)
