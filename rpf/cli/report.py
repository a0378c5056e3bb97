"""Commands that report to the operator: report collection, report events."""

import re
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from typing import Any

import click

from rpf.cli.options import FILE, Bar
from rpf.cli.output import say
from rpf.settings import Settings
from rpf.utils.files import check_writable

MAX_DAYS = 3650


class FirstDay(click.ParamType):
    """A number of days up to today (30d), or the first day (2026-11-01), in UTC."""

    name = "period"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> date:
        if isinstance(value, date):
            return value
        today = datetime.now(timezone.utc).date()
        if re.fullmatch("[0-9]{1,4}d", value) and 1 <= (days := int(value[:-1])) <= MAX_DAYS:
            return today - timedelta(days - 1)
        try:
            first = date.fromisoformat(value)
        except ValueError:
            first = date.max
        if not today - timedelta(MAX_DAYS) <= first <= today:
            self.fail(f'"{value}" is not a period; write a number of days such as 30d, or a past day as YYYY-MM-DD.')
        return first


@click.group()
def report() -> None:
    """Report on a collection, or on how the site is used.

    \b
    Examples:
      rpf report collection shop --out report/
      rpf report events --since 30d --out report/
    """


@report.command()
@click.argument("name")
@click.option("--out", type=FILE, help="Folder for collection.html and .png.")
def collection(name: str, out: Path | None) -> None:
    """Report on a collection: images that cannot be read, images with nothing recognised, near-duplicates, products
    without a photo, and how the recognised values are spread.

    Reads every image, and changes nothing. collection.html has its thumbnails in it, so that it can be mailed.

    \b
    Examples:
      rpf report collection shop
      rpf report collection shop --out report/
    """
    from rpf.collection import Collection, collection_folder
    from rpf.evaluation.collection_report import write_collection_report
    from rpf.ingest.survey import survey

    settings = Settings.from_environ()
    if out:
        check_writable(out)
    with Bar() as bar:
        facts = survey(Collection.open(collection_folder(settings.collections, name), settings.image_roots), bar)
    say(*facts.lines())
    if out:
        say(*write_collection_report(out, facts))


@report.command()
@click.option(
    "--since",
    default="30d",
    show_default=True,
    type=FirstDay(),
    metavar="DAYS|DAY",
    help="The last days up to today (30d), or the first day (YYYY-MM-DD).",
)
@click.option("--collection", default="", metavar="NAME", help="Searches of this collection. Else of all.")
@click.option("--out", type=FILE, help="Folder for events.md, .csv and .png.")
def events(since: date, collection: str, out: Path | None) -> None:
    """Report searches of the API, and views, clicks and click-through by attribute, day and position.

    The click-through rate is the share of searches with a click. events.csv has each attribute on each day. Days are in
    UTC; RPF_EVENT_DAYS says for how many of them searches are stored.

    \b
    Examples:
      rpf report events
      rpf report events --since 2026-11-01 --collection shop --out report/
    """
    from rpf.access.click_through import read_statistics

    settings = Settings.from_environ()
    statistics = read_statistics(settings.instance, since, collection)
    if not statistics.overall.searches:
        where = f' in the collection "{collection}"' if collection else ""
        hint = "" if settings.event_days else "; RPF_EVENT_DAYS is 0, so that none are"
        say(f"No searches are recorded since {since}{where}{hint}.")
        return
    from rpf.evaluation.click_through import format_statistics, write_statistics

    say(*format_statistics(statistics).splitlines())
    if out:
        out.mkdir(parents=True, exist_ok=True)
        say(*write_statistics(out, statistics))
