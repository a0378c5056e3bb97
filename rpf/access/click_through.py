"""Statistics of recorded searches and events: click-through and positions, by attribute, day and position.

An event counts for the day (in UTC) of its search. A search in several attributes counts for each of them.
"""

import json
import math
import sqlite3
from collections import defaultdict
from collections.abc import Callable, Mapping
from dataclasses import astuple, dataclass, field
from datetime import date, datetime, time, timezone
from pathlib import Path
from typing import Any

from rpf.access.event_log import EVENTS_FILE
from rpf.errors import AccessError
from rpf.utils.sqlite import has_tables, open_read_only

REPORTED_POSITIONS = 12  # of results, from the first one
_Z = 1.959964  # of 95% of a normal distribution
_CHOSEN = "s.time >= :since AND :collection IN ('', s.collection)"
_BY_DAY_AND_ATTRIBUTES = f"""
    SELECT date(time, 'unixepoch') AS day, attributes, count(*), sum(clicks > 0), sum(views), sum(clicks), sum(carts),
        sum(positions), sum(position_sum)
    FROM (
        SELECT s.time AS time, s.attributes AS attributes, total(action = 'view') AS views,
            total(action = 'click') AS clicks, total(action = 'add_to_cart') AS carts,
            total(action = 'click' AND position > 0) AS positions,
            total((action = 'click') * position) AS position_sum
        FROM searches s LEFT JOIN events e ON e.search = s.id WHERE {_CHOSEN} GROUP BY s.id
    ) GROUP BY day, attributes
"""
_OF_CHOSEN = f"search IN (SELECT s.id FROM searches s WHERE {_CHOSEN})"
_PAGES = f"SELECT first, count, count(*) FROM pages WHERE {_OF_CHOSEN} GROUP BY first, count"
_BY_POSITION = f"""
    SELECT position, action, count(*), count(DISTINCT search) FROM events
    WHERE position BETWEEN 1 AND {REPORTED_POSITIONS} AND {_OF_CHOSEN} GROUP BY position, action
"""


@dataclass(frozen=True)
class SearchFigures:
    """Sums over some searches, or over the results at one position."""

    searches: int = 0  # that showed results there
    clicked: int = 0  # searches of those with a click
    views: int = 0
    clicks: int = 0
    carts: int = 0  # results that were added to a cart
    positions: int = 0  # clicks whose position is known
    position_sum: int = 0  # of those

    def __add__(self, other: "SearchFigures") -> "SearchFigures":
        return SearchFigures(*map(sum, zip(astuple(self), astuple(other), strict=True)))

    @property
    def click_through(self) -> float | None:
        """Return the share of searches with a click; None without a search.

        Unlike clicks per view it needs no views, which not every shop reports, and many clicks in a search count once.
        """
        return self.clicked / self.searches if self.searches else None

    @property
    def interval(self) -> tuple[float, float] | None:
        """Return the 95% interval of the click-through rate by Wilson's score."""
        if not self.searches:
            return None
        n, share = self.searches, self.clicked / self.searches
        middle = (share + _Z**2 / (2 * n)) / (1 + _Z**2 / n)
        half = _Z / (1 + _Z**2 / n) * math.sqrt(share * (1 - share) / n + _Z**2 / (4 * n**2))
        return max(0.0, middle - half), min(1.0, middle + half)

    @property
    def mean_position(self) -> float | None:
        """Return the mean position of clicks, from 1."""
        return self.position_sum / self.positions if self.positions else None


def _sums() -> dict[Any, SearchFigures]:
    return defaultdict(SearchFigures)


@dataclass
class EventStatistics:
    """Figures of a period."""

    since: date
    until: date  # the last day, inclusive
    overall: SearchFigures = SearchFigures()
    by_day: dict[date, SearchFigures] = field(default_factory=_sums)
    by_attribute: dict[str, SearchFigures] = field(default_factory=_sums)  # "" for searches without one
    by_day_and_attribute: dict[tuple[date, str], SearchFigures] = field(default_factory=_sums)
    by_position: dict[int, SearchFigures] = field(default_factory=_sums)


def read_statistics(instance: Path, since: date, collection: str = "") -> EventStatistics:
    """Read the figures of the days from `since` to today, of one collection or of all. Raises AccessError."""
    statistics = EventStatistics(since, datetime.now(timezone.utc).date())
    path = instance / EVENTS_FILE
    if not path.exists():
        return statistics
    start = datetime.combine(since, time(), timezone.utc).timestamp()
    parameters: dict[str, int | str] = {"since": int(start), "collection": collection}
    try:
        with open_read_only(path) as connection:
            if has_tables(connection):
                connection.execute("BEGIN")  # one snapshot for all queries
                _add_searches(statistics, connection, parameters)
                _add_positions(statistics, connection, parameters)
    except (sqlite3.Error, ValueError) as error:
        raise AccessError('The events in "%(path)s" cannot be read: %(why)s.', path=path, why=error) from error
    return statistics


def _add_searches(
    statistics: EventStatistics, connection: sqlite3.Connection, parameters: Mapping[str, int | str]
) -> None:
    for day, attributes, *sums in connection.execute(_BY_DAY_AND_ATTRIBUTES, parameters):
        figures, on = SearchFigures(*map(int, sums)), date.fromisoformat(day)
        statistics.overall += figures
        statistics.by_day[on] += figures
        for attribute in json.loads(attributes) or [""]:
            statistics.by_attribute[attribute] += figures
            statistics.by_day_and_attribute[on, attribute] += figures


def _add_positions(
    statistics: EventStatistics, connection: sqlite3.Connection, parameters: Mapping[str, int | str]
) -> None:
    for first, count, searches in connection.execute(_PAGES, parameters):
        for position in range(first, min(first + count - 1, REPORTED_POSITIONS) + 1):
            statistics.by_position[position] += SearchFigures(searches)
    as_figures: dict[str, Callable[[int, int], SearchFigures]] = {
        "view": lambda events, searches: SearchFigures(views=events),
        "click": lambda events, searches: SearchFigures(clicked=searches, clicks=events),
        "add_to_cart": lambda events, searches: SearchFigures(carts=events),
    }
    for position, action, events, searches in connection.execute(_BY_POSITION, parameters):
        if position in statistics.by_position:
            statistics.by_position[position] += as_figures[action](events, searches)
