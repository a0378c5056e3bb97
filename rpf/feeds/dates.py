"""Dates between which a sale price is in force."""

import re
from datetime import datetime, time, timedelta, timezone

# ISO 8601 as Google and WooCommerce write it, with and without a time; two digits of a year only as Magento has them.
_ISO = re.compile(
    r"(?P<year>\d{4})[-/](?P<month>\d\d?)[-/](?P<day>\d\d?)"
    r"(?:[T\s](?P<hour>\d\d):(?P<minute>\d\d)(?::(?P<second>\d\d)(?:\.\d+)?)?\s*(?P<zone>Z|[+-]\d\d:?\d\d)?)?"
)
_LOCAL = re.compile(r"(?P<first>\d\d?)(?P<sign>[./-])(?P<second>\d\d?)(?P=sign)(?P<year>\d{4}|\d\d)(?:[ ,].*)?")


class DateReader:
    """Reader of dates, with the order of day and month that the other dates of the feed have.

    Magento writes them as the language of the administrator does: 3/31/26 or 31/03/2026.
    """

    def __init__(self) -> None:
        self._day_first = False

    def observe(self, text: str) -> None:
        """Note whether the day comes first, if the date tells."""
        local = _LOCAL.fullmatch(text.strip())
        if local and int(local["first"]) > 12:
            self._day_first = True

    def read(self, text: str) -> tuple[datetime, datetime]:
        """Return the first and the last moment of a date; both are the same if it has a time. Raises ValueError."""
        text = text.strip()
        if iso := _ISO.fullmatch(text):
            day = datetime(int(iso["year"]), int(iso["month"]), int(iso["day"]), tzinfo=timezone.utc)
            if not iso["hour"]:
                return _whole(day)
            moment = datetime.combine(day, time(int(iso["hour"]), int(iso["minute"]), int(iso["second"] or 0)))
            moment = moment.replace(tzinfo=_zone(iso["zone"]))
            return moment, moment
        if local := _LOCAL.fullmatch(text):
            first, second, year = int(local["first"]), int(local["second"]), int(local["year"])
            day_first = self._day_first or local["sign"] != "/"
            month, day_number = (second, first) if day_first else (first, second)
            year += 2000 if year < 100 else 0
            return _whole(datetime(year, month, day_number, tzinfo=timezone.utc))
        raise ValueError("it is no date")


def _whole(day: datetime) -> tuple[datetime, datetime]:
    return day, datetime.combine(day, time.max, tzinfo=timezone.utc)


def _zone(text: str | None) -> timezone:
    if not text or text == "Z":
        return timezone.utc
    offset = timedelta(hours=int(text[1:3]), minutes=int(text[-2:]))
    return timezone(offset if text[0] == "+" else -offset)
