import csv
import io
from datetime import date, datetime, timedelta, timezone
from pathlib import Path
from uuid import UUID, uuid4

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image
from scipy.stats import binomtest

from rpf.access.click_through import EventStatistics, SearchFigures, read_statistics
from rpf.access.event_log import EVENTS_FILE, EventLog
from rpf.access.events import Event
from rpf.errors import AccessError
from rpf.evaluation.click_through import as_csv, format_statistics, plot, write_statistics
from rpf.evaluation.tables import table_as_markdown

TODAY = datetime.now(timezone.utc).date()
DAYS = [TODAY - timedelta(2), TODAY]


def search(log: EventLog, day: date, attributes: list[str], results: int, collection: str = "shop") -> UUID:
    """Record a search at noon of a day."""
    noon = datetime(day.year, day.month, day.day, 12, tzinfo=timezone.utc).timestamp()
    query_id = uuid4()
    log.record_query(query_id, noon, collection, attributes, [str(number) for number in range(1, results + 1)])
    return query_id


def add(log: EventLog, query_id: UUID, action: str, *positions: int) -> None:
    """Add events about the results at these positions."""
    for position in positions:
        attributes = {"object": {"object_id": str(position)}, "position": {"ordinal": position}}
        body = {"action_name": action, "query_id": str(query_id), "event_attributes": attributes}
        log.add([Event.model_validate(body)])


@pytest.fixture(scope="module")
def instance(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Record four searches of "shop" and one of "other"; the first day has one search without a click."""
    folder = tmp_path_factory.mktemp("instance")
    log = EventLog(folder, days=90)
    first = search(log, DAYS[0], ["sleeve_length"], results=2)
    add(log, first, "view", 1, 2)
    add(log, first, "click", 1, 2)
    add(log, first, "add_to_cart", 2)
    search(log, DAYS[0], ["sleeve_length", "collar_design"], results=3)
    third = search(log, DAYS[1], ["collar_design"], results=20)
    add(log, third, "click", 15)
    fourth = search(log, DAYS[1], [], results=0)
    log.add([Event.model_validate({"action_name": "click", "query_id": str(fourth)})])
    add(log, search(log, DAYS[1], ["skirt_length"], 1, "other"), "click", 1)
    log.close()
    return folder


@pytest.fixture
def statistics(instance: Path) -> EventStatistics:
    return read_statistics(instance, DAYS[0], "shop")


def test_statistics_are_right_by_attribute_day_and_position(statistics: EventStatistics) -> None:
    assert statistics.overall == SearchFigures(4, 3, 2, 4, 1, 3, 18)
    assert statistics.by_attribute == {
        "sleeve_length": SearchFigures(2, 1, 2, 2, 1, 2, 3),
        "collar_design": SearchFigures(2, 1, 0, 1, 0, 1, 15),
        "": SearchFigures(1, 1, 0, 1),
    }
    assert statistics.by_day == {
        DAYS[0]: SearchFigures(2, 1, 2, 2, 1, 2, 3),
        DAYS[1]: SearchFigures(2, 2, 0, 2, 0, 1, 15),
    }
    assert statistics.by_day_and_attribute[DAYS[0], "collar_design"] == SearchFigures(1)
    assert statistics.by_position[1] == SearchFigures(searches=3, clicked=1, views=1, clicks=1)
    assert statistics.by_position[2] == SearchFigures(searches=3, clicked=1, views=1, clicks=1, carts=1)
    assert statistics.by_position[3] == SearchFigures(searches=2)
    assert list(statistics.by_position) == list(range(1, 13))


def test_statistics_of_later_days_or_of_all_collections_count_others(instance: Path) -> None:
    assert read_statistics(instance, DAYS[1], "shop").overall.searches == 2
    assert read_statistics(instance, DAYS[0]).overall.searches == 5
    assert read_statistics(instance, DAYS[0], "missing").overall == SearchFigures()


def test_statistics_without_a_file_are_empty_and_create_none(tmp_path: Path) -> None:
    assert read_statistics(tmp_path, TODAY).overall == SearchFigures()
    assert list(tmp_path.iterdir()) == []
    (tmp_path / EVENTS_FILE).touch()
    assert read_statistics(tmp_path, TODAY).overall == SearchFigures()


def test_damaged_file_is_an_error_that_names_it(tmp_path: Path) -> None:
    (tmp_path / EVENTS_FILE).write_bytes(b"no database" * 500)
    with pytest.raises(AccessError, match=r'The events in ".*events.sqlite" cannot be read: file is not a database'):
        read_statistics(tmp_path, TODAY)


def test_figures_without_searches_or_clicks_have_no_rates() -> None:
    none = SearchFigures()
    assert (none.click_through, none.interval, none.mean_position) == (None, None, None)
    assert SearchFigures(searches=1).mean_position is None


@given(st.integers(1, 10**6), st.floats(0, 1))
def test_interval_is_wilsons(searches: int, share: float) -> None:
    clicked = round(share * searches)
    expected = binomtest(clicked, searches).proportion_ci(method="wilson")
    assert SearchFigures(searches, clicked).interval == pytest.approx((expected.low, expected.high), abs=1e-7)


def test_tables_show_the_figures(statistics: EventStatistics) -> None:
    lines = [line.split() for line in format_statistics(statistics).splitlines()]
    assert ["All", "4", "2", "4", "1", "75.0", "6.0"] in lines
    assert ["Sleeve", "length", "2", "2", "2", "1", "50.0", "1.5"] in lines
    assert ["No", "attribute", "1", "0", "1", "0", "100.0", "-"] in lines
    assert [str(DAYS[0]), "2", "2", "2", "1", "50.0", "1.5"] in lines
    assert ["1", "3", "1", "1", "0", "33.3"] in lines
    markdown = format_statistics(statistics, table_as_markdown)
    assert "| Collar design | 2 | 0 | 1 | 0 | 50.0 (9.5-90.5) | 15.0 |" in markdown


def test_csv_has_each_attribute_on_each_day(statistics: EventStatistics) -> None:
    rows = {(row["day"], row["attribute"]): row for row in csv.DictReader(io.StringIO(as_csv(statistics)))}
    assert rows["", "*"]["click_through"] == "0.7500" and rows["", "*"]["searches_clicked"] == "3"
    assert rows[str(DAYS[0]), "sleeve_length"]["mean_position"] == "1.5000"
    assert rows[str(DAYS[0]), "collar_design"]["mean_position"] == ""
    assert set(rows) == {
        *((day, "*") for day in ("", *map(str, DAYS))),
        *(("", key) for key in ("", "sleeve_length", "collar_design")),
        *((str(DAYS[0]), key) for key in ("sleeve_length", "collar_design")),
        *((str(DAYS[1]), key) for key in ("", "collar_design")),
    }


def test_report_files_are_written(statistics: EventStatistics, tmp_path: Path) -> None:
    paths = write_statistics(tmp_path, statistics)
    assert [path.name for path in paths] == ["events.md", "events.csv", "events.png"]
    assert (tmp_path / "events.csv").read_bytes().startswith(b"\xef\xbb\xbfday,attribute,searches,")
    with Image.open(tmp_path / "events.png") as image:
        assert image.width == 1536 and len(np.unique(np.asarray(image.convert("L")))) > 20


@pytest.mark.filterwarnings("error")
@pytest.mark.parametrize(("days", "figures"), [(0, SearchFigures(3)), (400, SearchFigures(1, 1, 1, 1, 0, 1, 1))])
def test_plot_of_few_searches_in_any_period_has_no_warning(days: int, figures: SearchFigures) -> None:
    statistics = EventStatistics(TODAY - timedelta(days), TODAY, figures)
    statistics.by_day[TODAY] = figures
    statistics.by_attribute["a $price$ in an attribute with a long name"] = figures
    assert plot(statistics).startswith(b"\x89PNG")
