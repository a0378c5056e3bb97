"""The pages as a browser without JavaScript gets them, over the real tiny engine."""

import csv
import io
import json
import re
from collections.abc import Iterator
from dataclasses import replace
from html import unescape
from html.parser import HTMLParser
from pathlib import Path

import pytest
from babel.messages.catalog import Catalog
from babel.messages.frontend import CommandLineInterface
from babel.messages.mofile import write_mo
from babel.messages.pofile import read_po
from flask import Flask
from flask.testing import FlaskClient
from PIL import Image
from werkzeug.test import TestResponse

from rpf.engine import Accuracy, AccuracyReport, SearchEngine, SearchRequest, ValueAccuracy
from rpf.errors import UnknownAttribute
from rpf.evaluation.accuracy import Recognition
from rpf.ingest.default_collection import TITLE
from tests.support import ROOT
from webapp import create_app
from webapp.engine_loader import EngineLoader, NotReady
from webapp.template_helpers import SHIPPED
from webapp.view_models import region_boxes

MESSAGES = ROOT / "translations" / "vi" / "LC_MESSAGES"
HTML = {"Accept": "text/html,application/xhtml+xml,*/*;q=0.8"}
TWO = {"a": ["sleeve_length", "neckline_design"]}
PAGES = [
    "/c/tiny/",
    "/c/tiny/about",
    "/c/tiny/details",
    "/c/tiny/item/3",
    "/c/tiny/results?item=3&a=sleeve_length",
    "/c/tiny/item/999",
]


def get(client: FlaskClient, address: str, **headers: str) -> TestResponse:
    return client.get(address, headers={**HTML, **headers})


def send(
    client: FlaskClient, image: Path | bytes | None = None, to: str = "/c/tiny/search", **fields: object
) -> TestResponse:
    data = dict(fields)
    if image is not None:
        content = image if isinstance(image, bytes) else image.read_bytes()
        data["image"] = (io.BytesIO(content), "photo.jpg")
    return client.post(to, data=data, headers=HTML, content_type="multipart/form-data")


def words(response: TestResponse) -> str:
    return unescape(response.get_data(as_text=True))


def ranks(response: TestResponse) -> list[tuple[int, float]]:
    """List (item id, similarity) of each card, in the page's order."""
    html = words(response)
    ids = [int(item_id) for item_id in re.findall(r'class="hit-image" href="/c/tiny/item/(\d+)\?', html)]
    return list(zip(ids, map(float, re.findall(r'data-similarity="([^"]+)"', html)), strict=True))


# ---- the way of a search ----


def test_home_redirects_to_the_default_collection(client: FlaskClient) -> None:
    response = get(client, "/")
    assert response.status_code == 302
    assert response.location == "/c/tiny/"


def test_start_page_has_samples_and_attributes(client: FlaskClient) -> None:
    html = words(get(client, "/c/tiny/"))
    assert "Find clothes by their details" in html
    assert len(set(re.findall(r'class="sample" type="submit" name="sample" value="(\d+)"', html))) == 6
    assert html.count('type="checkbox" name="a"') == 8
    assert "deleted after 24 hours" in html


def test_search_with_an_upload_shows_the_ranking_of_the_engine(
    client: FlaskClient, photo: Path, engine: SearchEngine
) -> None:
    response = send(client, photo, **TWO)
    assert response.status_code == 303
    assert re.fullmatch(
        r"/c/tiny/results\?upload=[0-9a-f]{64}&a=sleeve_length&a=neckline_design", response.location or ""
    )
    shown = ranks(get(client, response.location))
    expected = engine.search("tiny", SearchRequest(engine.embed(photo), {"sleeve_length": 1, "neckline_design": 1}, 24))
    assert [item for item, _ in shown] == [hit.item.id for hit in expected.hits]
    assert [similarity for _, similarity in shown] == pytest.approx([hit.similarity for hit in expected.hits], abs=1e-5)


def test_sample_is_a_search_by_one_click_with_what_is_ticked_and_typed(client: FlaskClient) -> None:
    assert send(client, sample="3").location.startswith("/c/tiny/results?item=3&a=")
    assert send(client, sample="3", a=["sleeve_length"]).location == "/c/tiny/results?item=3&a=sleeve_length"
    both = send(client, sample="3", a=["sleeve_length"], attrs="skirt length").location
    assert both == "/c/tiny/results?item=3&a=skirt_length&a=sleeve_length"
    assert get(client, "/c/tiny/?item=3").location.startswith("/c/tiny/results?item=3&a=")


def test_sample_stays_chosen_while_the_words_are_corrected(client: FlaskClient) -> None:
    page = send(client, sample="3", attrs="hood")
    assert page.status_code == 422 and 'name="item" value="3"' in words(page) and "drop-saved" in words(page)
    assert send(client, item="3", attrs="sleeve length").location == "/c/tiny/results?item=3&a=sleeve_length"
    assert send(client, item="3", sample="4", a=["sleeve_length"]).location.startswith("/c/tiny/results?item=4&")


def test_search_with_typed_attributes_redirects_to_its_results(client: FlaskClient, photo: Path) -> None:
    response = send(client, photo, attrs="tay áo; skirt length")
    assert response.location.endswith("&a=skirt_length&a=sleeve_length")


def test_search_with_a_camera_file_uploads_it(client: FlaskClient, photo: Path) -> None:
    response = client.post(
        "/c/tiny/search",
        data={"camera": (io.BytesIO(photo.read_bytes()), "c.jpg"), **TWO},
        headers=HTML,
        content_type="multipart/form-data",
    )
    assert "upload=" in response.location


def test_results_page_shows_regions_weights_and_counts(client: FlaskClient) -> None:
    html = words(get(client, "/c/tiny/results?item=3&a=sleeve_length&a=coat_length&w-coat_length=1.5"))
    assert html.count('<li class="hit"') == 24
    assert "39 garments" in html  # the query's own item is left out
    assert html.count('class="region heat') == 2
    assert 'name="w-coat_length"' in html and 'value="1.5"' in html
    assert re.search(
        r'class="hit-act" href="/c/tiny/results\?item=\d+&a=sleeve_length&a=coat_length&w-coat_length=1.5"', html
    )
    assert "Most similar in sleeve length and coat length" in html


def test_results_are_paged(client: FlaskClient) -> None:
    address = "/c/tiny/results?item=3&a=sleeve_length"
    first, second = ranks(get(client, address)), ranks(get(client, address + "&page=2"))
    assert (len(first), len(second)) == (24, 15)
    assert [similarity for _, similarity in first + second] == sorted(
        (similarity for _, similarity in first + second), reverse=True
    )
    assert len(ranks(get(client, address + "&n=48"))) == 39
    for bad in ("&page=3", "&page=0", "&n=25"):
        assert get(client, address + bad).status_code == 404


def test_results_weights_change_the_ranking(client: FlaskClient, engine: SearchEngine) -> None:
    shown = ranks(get(client, "/c/tiny/results?item=3&a=sleeve_length&a=coat_length&w-coat_length=0"))
    alone = ranks(get(client, "/c/tiny/results?item=3&a=sleeve_length"))
    assert shown == alone
    weighted = ranks(get(client, "/c/tiny/results?item=3&a=sleeve_length&a=coat_length&w-coat_length=3"))
    request = SearchRequest(engine.query_item("tiny", 3), {"sleeve_length": 1, "coat_length": 3}, 24)
    expected = engine.search("tiny", request)
    assert [item for item, _ in weighted] == [hit.item.id for hit in expected.hits]


def test_export_has_the_similarities_of_the_engine(client: FlaskClient, engine: SearchEngine) -> None:
    request = SearchRequest(engine.query_item("tiny", 3), {"sleeve_length": 1, "coat_length": 2}, 1000)
    hits = engine.search("tiny", request).hits
    address = "/c/tiny/results.{}?item=3&a=sleeve_length&a=coat_length&w-coat_length=2"
    exported = json.loads(client.get(address.format("json")).data)
    assert exported["weights"] == {"sleeve_length": 1.0, "coat_length": 2.0}
    assert [row["similarity"] for row in exported["results"]] == [hit.similarity for hit in hits]
    response = client.get(address.format("csv"))
    assert "tiny-results.csv" in response.headers["Content-Disposition"]
    rows = list(csv.DictReader(io.StringIO(response.data.decode("utf-8-sig"))))
    assert [(int(row["id"]), float(row["similarity"]), float(row["coat_length"])) for row in rows] == [
        (hit.item.id, hit.similarity, hit.similarities["coat_length"]) for hit in hits
    ]


def test_item_page_shows_values_and_nearest_items(client: FlaskClient, engine: SearchEngine) -> None:
    html = words(get(client, "/c/tiny/item/3"))
    item = engine.collection("tiny").item(3)
    vocabulary = engine.collection("tiny").vocabulary
    for key, value in item.labels.items():
        assert vocabulary[key].value_name(value) in html
    assert html.count('class="region heat') == len(vocabulary)
    assert html.count('class="near-row') == len(vocabulary)


def test_item_page_leads_back_to_the_results_and_to_their_neighbours(client: FlaskClient) -> None:
    results = "/c/tiny/results?item=3&a=sleeve_length&w-sleeve_length=2"
    ids = [item for item, _ in ranks(get(client, results))]
    cards = re.findall(r'class="hit-image" href="([^"]+)"', words(get(client, results)))
    page = words(get(client, cards[1]))
    assert f'href="{results}#rank-2">← Back to the results' in page
    assert re.search(rf'rel="prev" href="/c/tiny/item/{ids[0]}\?[^"]*rank=1"', page)
    following = re.search(rf'rel="next" href="(/c/tiny/item/{ids[2]}\?[^"]*rank=3)"', page)
    assert following and 'rel="next"' in words(get(client, following.group(1)))
    assert 'rel="prev"' not in words(get(client, cards[0]))
    last = words(get(client, cards[0].replace("rank=1", "rank=39")))
    assert 'rel="next"' not in last and f'href="{results}&page=2#rank-39">' in last
    larger = re.findall(r'class="hit-image" href="([^"]+)"', words(get(client, f"{results}&n=48")))
    assert f'href="{results}&n=48#rank-39">' in words(get(client, larger[38]))
    for nothing in (
        "/c/tiny/item/3",
        "/c/tiny/item/3?rank=2",
        f"/c/tiny/item/3?upload={'0' * 64}&a=coat_length&rank=2",
    ):
        assert "Back to the results" not in words(get(client, nothing))


def test_weights_are_words_and_those_of_an_address_stay(client: FlaskClient) -> None:
    html = words(get(client, "/c/tiny/results?item=3&a=sleeve_length&a=coat_length&w-coat_length=1.5"))
    assert re.findall(r'name="w-sleeve_length" value="([\d.]+)"', html) == ["0", "0.5", "1", "2"]
    assert re.search(r'name="w-coat_length" value="1.5" id="w-coat_length-4" checked><span>×1.5<', html)


def test_text_with_an_unknown_part_offers_what_is_understood(client: FlaskClient) -> None:
    html = words(send(client, attrs="short sleeves and a red zebra"))
    assert "not colours, patterns or fabrics" in html
    assert 'name="attrs_instead" value="short sleeves"' in html


def test_title_of_the_default_collection_is_translated() -> None:
    assert TITLE in SHIPPED


def test_about_page_shows_model_accuracy_and_speed(client: FlaskClient) -> None:
    get(client, "/c/tiny/results?item=3&a=sleeve_length")
    html = words(get(client, "/c/tiny/about"))
    for part in (
        "Tiny wardrobe",
        "arXiv:2305.10260",
        "rpf-tiny",
        "seconds",
        "random weights, for tests",
        "81.2",
        "(70.0–90.0; 30)",
        "75.9",
        "<dt>Photos</dt><dd>40</dd>",
    ):
        assert part in html


def test_about_page_leaves_out_figures_of_few_photos(
    client: FlaskClient, app: Flask, monkeypatch: pytest.MonkeyPatch
) -> None:
    counts = {"sleeve_length": 30, "neckline_design": 4}
    rows = tuple(Accuracy(key, count, 0.8, 0.7, 0.9, 0.3, None) for key, count in counts.items())
    values = (ValueAccuracy("sleeve_length", 30, 0.5, 0.0, 0.1, (1,), ((30,),)),)
    reports = [AccuracyReport(name, rows, Recognition(values)) for name in ("clothing", "street", "mine")]
    monkeypatch.setattr(app.extensions["rpf"].engine, "accuracy_reports", reports)
    html = words(get(client, "/c/tiny/about"))
    for title in ("Garments lying flat or on a hanger", "People in the street", "mine"):
        assert html.count(f"<h3>{title}</h3>") == 2
    assert html.count("Too few photos (under 20): neckline design.") == 3 and "; 4)" not in html
    assert html.count("<td>50%</td><td>10%</td><td>–</td><td>30</td>") == 3  # sure in three photos


# ---- what goes wrong ----


def test_search_without_anything_asks_for_a_photo(client: FlaskClient) -> None:
    response = send(client)
    assert response.status_code == 422
    assert "Choose a photo" in words(response)


def test_refused_search_keeps_the_upload(client: FlaskClient, photo: Path) -> None:
    response = send(client, photo, attrs="zebra")
    assert response.status_code == 422
    assert 'id="attrs-problem"' in words(response)
    upload = re.search(r'name="upload" value="([0-9a-f]{64})"', words(response))
    assert upload is not None
    again = send(client, upload=upload.group(1), a="sleeve_length")
    assert again.location == f"/c/tiny/results?upload={upload.group(1)}&a=sleeve_length"


def test_search_with_an_unknown_attribute_names_the_nearest(client: FlaskClient) -> None:
    response = send(client, attrs="sleeve lenth of zebras")
    assert response.status_code == 422
    assert 'id="attrs-problem"' in words(response)
    assert "Sleeve length" in words(response).split('id="attrs-problem"')[1][:300]


@pytest.mark.parametrize("content", [b"no image at all", b"\xff\xd8\xff\xe0" + bytes(100), b"x" * (17 * 2**20)])
def test_search_with_a_bad_image_keeps_the_attributes(client: FlaskClient, content: bytes) -> None:
    response = send(client, content, **TWO)
    assert response.status_code == 422
    assert 'id="image-problem"' in words(response)
    assert re.search(r'id="a-sleeve_length" checked', words(response))


def test_search_with_a_far_too_large_upload_is_413(client: FlaskClient) -> None:
    assert send(client, bytes(49 * 2**20), **TWO).status_code == 413


@pytest.mark.parametrize(
    "address",
    [
        "/c/tiny/item/999",
        "/c/nothing/",
        "/c/nothing/results?item=1&a=sleeve_length",
        "/c/tiny/results?item=999&a=sleeve_length",
        "/c/tiny/thumb/999",
        "/c/../item/3",
        "/nowhere",
    ],
)
def test_page_that_does_not_exist_is_404(client: FlaskClient, address: str) -> None:
    response = get(client, address)
    assert response.status_code == 404
    assert "To the search" in words(response)


def test_expired_upload_is_410_and_refused_by_the_form(client: FlaskClient) -> None:
    expired = "0" * 64
    for address in (f"/c/tiny/results?upload={expired}&a=sleeve_length", f"/c/tiny/upload/{expired}"):
        response = get(client, address)
        assert response.status_code == 410
        assert "deleted after 24 hours" in words(response)
    response = send(client, upload=expired, **TWO)
    assert response.status_code == 422
    assert "no longer here" in words(response)


@pytest.mark.parametrize(
    ("query", "message"),
    [
        ("", "Tick at least one detail."),
        ("&a=sleeve_length&w-sleeve_length=0", "All weights are 0. Raise one."),
        ("&a=sleeve_length&w-sleeve_length=nan", "The weight must be a number from 0 to 3"),
        ("&a=sleeve_length&w-sleeve_length=-1", "The weight must be a number from 0 to 3"),
        ("&a=zebra", "We can't compare"),
    ],
)
def test_results_of_a_wrong_address_say_what_is_wrong(client: FlaskClient, query: str, message: str) -> None:
    response = get(client, "/c/tiny/results?item=3" + query)
    assert response.status_code == 422
    assert message in words(response)
    assert "Search again" in words(response)


def test_reload_of_a_refused_search_redirects_to_the_form(client: FlaskClient) -> None:
    assert get(client, "/c/tiny/search").location == "/c/tiny/"


def test_search_needs_a_csrf_token(app: Flask, settings, photo: Path) -> None:  # type: ignore[no-untyped-def]
    guarded = create_app(settings, TESTING=True)
    guarded.extensions["rpf"] = app.extensions["rpf"]
    client = guarded.test_client()
    assert send(client, photo, **TWO).status_code == 400
    token = re.search(r'name="csrf_token"[^>]*value="([^"]+)"', words(get(client, "/c/tiny/")))
    assert token is not None
    assert send(client, photo, csrf_token=token.group(1), **TWO).status_code == 303


def test_session_key_is_created_once_for_the_owner(settings) -> None:  # type: ignore[no-untyped-def]
    first, second = create_app(settings), create_app(settings)
    assert first.config["SECRET_KEY"] == second.config["SECRET_KEY"]
    assert (settings.instance / "secret_key").stat().st_mode & 0o777 == 0o600


class Underway(EngineLoader):
    """Loader whose engine has just begun to start."""

    @property
    def engine(self) -> SearchEngine:
        raise NotReady("indexing", 120, 600)


def test_page_while_the_engine_loads_shows_progress(settings) -> None:  # type: ignore[no-untyped-def]
    waiting = create_app(settings, TESTING=True)
    waiting.extensions["rpf"] = Underway(settings)
    response = get(waiting.test_client(), "/c/tiny/")
    assert response.status_code == 503
    assert int(response.headers["Retry-After"]) > 0
    assert '<meta http-equiv="refresh"' in words(response)
    assert '<progress class="phase" max="600" value="120"' in words(response)
    assert re.search(r"Step \d of 2: the garments of the collection are being", words(response))


# ---- images ----


def test_item_images_are_small_and_cached_for_a_year(client: FlaskClient) -> None:
    for kind, side in (("thumb", 320), ("image", 1200)):
        response = client.get(f"/c/tiny/{kind}/3")
        assert response.mimetype == "image/webp"
        assert max(Image.open(io.BytesIO(response.data)).size) <= side
        assert response.cache_control.max_age == 365 * 24 * 3600 and response.cache_control.public
        assert response.headers["X-Content-Type-Options"] == "nosniff"
        etag = response.headers["ETag"]
        assert client.get(f"/c/tiny/{kind}/3", headers={"If-None-Match": etag}).status_code == 304


def test_uploaded_image_is_private(client: FlaskClient, photo: Path) -> None:
    digest = re.search(r"upload=([0-9a-f]{64})", send(client, photo, **TWO).location or "")
    assert digest is not None
    response = client.get(f"/c/tiny/upload/{digest.group(1)}")
    assert response.mimetype == "image/webp"
    assert response.cache_control.private and not response.cache_control.public


# ---- languages ----


def test_photo_on_its_side_is_offered_upright(
    client: FlaskClient, engine: SearchEngine, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(SearchEngine, "find_turn", lambda self, data, digest: 270)
    address = send(client, photo, **TWO).location
    link = re.search(r'on its side\? *<a href="([^"]+)">Turn it', words(get(client, address)))
    assert link and link.group(1) == address.replace("&a=", "&turn=270&a=", 1)
    assert "on its side" not in words(get(client, link.group(1)))  # it has been turned
    assert "on its side" not in words(get(client, "/c/tiny/results?item=3&a=sleeve_length"))


def test_heat_of_an_item_is_public_and_of_an_upload_private(client: FlaskClient, photo: Path) -> None:
    html = words(get(client, "/c/tiny/results?item=3&a=sleeve_length"))
    (address,) = set(re.findall(r'<image href="(/c/tiny/heat[^"]+)"', html))
    response = client.get(address)
    width, height = Image.open(io.BytesIO(response.data)).size
    assert max(width, height / 8) == 64  # a tile for each attribute
    assert "public" in response.headers["Cache-Control"]
    assert client.get(address, headers={"If-None-Match": response.headers["ETag"]}).status_code == 304
    uploaded = get(client, send(client, photo, **TWO).location + "&crop=0,0,1,0.5")
    response = client.get(re.findall(r'<image href="(/c/tiny/heat[^"]+)"', words(uploaded))[0])
    assert response.status_code == 200 and "private" in response.headers["Cache-Control"]


@pytest.mark.parametrize("query", ["", "item=999", "item=3&turn=45", "item=3&crop=2,2,2,2", "upload=x"])
def test_heat_of_nothing_is_refused(client: FlaskClient, query: str) -> None:
    assert get(client, f"/c/tiny/heat?{query}").status_code in (404, 410)


def test_boxes_of_most_of_the_image_are_left_out(engine: SearchEngine) -> None:
    query = engine.query_item("tiny", 3)
    assert query.boxes is not None
    boxes = query.boxes.copy()
    boxes[0] = (0, 0, query.size[0], round(0.5 * query.size[1]))
    boxes[1] = (0, 0, query.size[0], round(0.4 * query.size[1]))
    keys = engine.vocabulary.keys[:2]
    assert list(region_boxes(engine.vocabulary, replace(query, boxes=boxes), keys)) == [keys[1]]


def test_language_is_that_of_the_switch_else_of_the_browser(client: FlaskClient) -> None:
    vietnamese = {"Accept-Language": "vi-VN,vi;q=0.9,en;q=0.5"}
    assert '<html lang="vi">' in words(get(client, "/c/tiny/", **vietnamese))
    assert '<html lang="en">' in words(get(client, "/c/tiny/", **{"Accept-Language": "fr"}))
    response = get(client, "/language/vi?next=/c/tiny/item/3")
    assert (response.status_code, response.location) == (303, "/c/tiny/item/3")
    html = words(get(client, "/c/tiny/item/3"))
    assert "Món đồ số 3" in html and "Độ dài tay" in html
    get(client, "/language/en")
    assert "Garment 3" in words(get(client, "/c/tiny/item/3", **vietnamese))
    assert get(client, "/language/xx").status_code == 404


@pytest.mark.parametrize("away", ["//evil.example", "https://evil.example", "/\\evil.example", "/\t/evil.example", "x"])
def test_language_switch_redirects_within_the_site_only(client: FlaskClient, away: str) -> None:
    response = client.get("/language/vi", query_string={"next": away})
    assert response.location == "/"


def vietnamese() -> Catalog:
    return read_po(io.BytesIO((MESSAGES / "messages.po").read_bytes()), locale="vi")


def test_compiled_catalogue_is_that_of_the_source() -> None:
    compiled = io.BytesIO()
    write_mo(compiled, vietnamese())
    assert (MESSAGES / "messages.mo").read_bytes() == compiled.getvalue(), "run: pybabel compile -d translations"


def translated() -> dict[str, str]:
    catalogue = vietnamese()
    for message in catalogue:
        assert not list(message.check(catalogue)), message.id
        assert not message.fuzzy, message.id
    return {str(message.id): str(message.string) for message in catalogue if message.id}


def test_catalogue_has_every_text_and_no_other(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    """Compare the catalogue with the texts that pybabel extracts with babel.cfg and the names of our errors."""
    errors = (
        "BadImage UnknownAttribute UnknownItem UnknownProduct UnknownCollection CollectionError QueryError "
        "UploadExpired Forbidden NotFound TooLarge Overloaded Unfetchable UnusableValue UnusableFilter"
    )
    keywords = [part for name in ("lazy_gettext", *errors.split()) for part in ("-k", name)]
    monkeypatch.chdir(ROOT)
    pot = tmp_path / "messages.pot"
    CommandLineInterface().run(["pybabel", "-q", "extract", "-F", "babel.cfg", *keywords, "-o", str(pot), "."])
    with pot.open("rb") as file:
        wanted = {str(message.id) for message in read_po(file) if message.id}
    have = translated()
    assert wanted - have.keys() == set(), "add these to translations/vi/LC_MESSAGES/messages.po"
    assert have.keys() - wanted == set(), "these texts are no longer used"
    assert all(have.values())


@pytest.mark.parametrize("text", ["", "zebra", "sleeve lenth of", "length", "x" * 2000])
def test_attribute_errors_are_in_vietnamese(engine: SearchEngine, text: str) -> None:
    with pytest.raises(UnknownAttribute) as caught:
        engine.collection("tiny").vocabulary.parse(text, "vi")
    assert caught.value.template in translated()


# ---- what every page keeps to ----


class Outline(HTMLParser):
    """Collector of inline code, labels, alternatives and ids, for the content security policy and screen readers."""

    def __init__(self) -> None:
        super().__init__()
        self.inline: list[str] = []
        self.inputs: list[dict[str, str | None]] = []
        self.labelled: set[str | None] = set()
        self.images_without_words = 0
        self.ids: list[str] = []
        self._open_label = False

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        given = dict(attrs)
        self.inline += [f"{tag} {name}" for name in given if name == "style" or name.startswith("on")]
        if tag == "style" or (tag == "script" and "src" not in given):
            self.inline.append(tag)
        if "://" in (given.get("src") or "") or (tag == "link" and "://" in (given.get("href") or "")):
            self.inline.append(f"{tag} from elsewhere")
        if tag == "label":
            self._open_label = True
            self.labelled.add(given.get("for"))
        if tag == "input" and given.get("type") != "hidden" and not self._open_label:
            self.inputs.append(given)
        if tag == "img" and not given.get("alt"):
            self.images_without_words += 1
        if given.get("id"):
            self.ids.append(str(given["id"]))

    def handle_endtag(self, tag: str) -> None:
        if tag == "label":
            self._open_label = False


@pytest.fixture(params=PAGES)
def outline(request: pytest.FixtureRequest, client: FlaskClient) -> Iterator[Outline]:
    outline = Outline()
    outline.feed(get(client, request.param).get_data(as_text=True))
    yield outline


def test_page_has_nothing_inline(outline: Outline) -> None:
    assert outline.inline == []


def test_page_has_labels_alternatives_and_unique_ids(outline: Outline) -> None:
    assert [given for given in outline.inputs if given.get("id") not in outline.labelled] == []
    assert outline.images_without_words == 0
    assert len(outline.ids) == len(set(outline.ids))
