"""Pictures of a search: crops and turns, further pictures, pictures to keep away from, and items side by side."""

import io
import re
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from flask.testing import FlaskClient
from hypothesis import given
from hypothesis import strategies as st
from PIL import Image

from rpf.engine import Crop, Garment, Query, SearchEngine
from rpf.errors import Overloaded, QueryError
from tests.unit.webapp.test_pages import get, ranks, send, words
from webapp.picks import Pick
from webapp.pictures import Picture

SLEEVE = "sleeve_length"
RESULTS = "/c/tiny/results"
CROP = "0.25,0,0.5,0.5"

pictures = st.builds(
    Picture,
    item=st.integers(0, 10**9),
    crop=st.builds(Crop, left=st.just(0.25), width=st.just(0.5), turn=st.sampled_from([0, 90, 180, 270])),
) | st.builds(Picture, upload=st.text("0123456789abcdef", min_size=64, max_size=64))


@given(pictures, st.lists(st.sampled_from(["sleeve_length", "coat_length"]), unique=True).map(tuple))
def test_pick_as_text_is_parsed_to_the_same(picture: Picture, keys: tuple[str, ...]) -> None:
    assert Pick.parse(str(Pick(picture, keys))) == Pick(picture, keys)


@pytest.mark.parametrize("text", ["", "item", "item:x", "item:-1", "shop:3", "item:3;crop=1", "item:3;turn=45", ";"])
def test_text_that_is_no_pick_is_refused(text: str) -> None:
    with pytest.raises(QueryError):
        Pick.parse(text)


def get_query(client: FlaskClient, address: str) -> dict[str, list[str]]:
    """Return the arguments of the address that this one redirects to."""
    response = get(client, address)
    assert response.status_code == 302
    return parse_qs(urlsplit(response.location).query)


def upload(client: FlaskClient, image: Image.Image) -> str:
    data = io.BytesIO()
    image.save(data, "PNG")
    location = send(client, data.getvalue(), a=[SLEEVE]).location
    match = re.search(r"upload=([0-9a-f]{64})", location)
    assert match, location
    return match[1]


def test_crop_of_an_upload_ranks_as_the_part_that_was_cut_out(client: FlaskClient, photo: Path) -> None:
    whole = Image.open(photo)
    part = Crop.parse(CROP, 90).apply(whole).image
    by_crop = get(client, f"{RESULTS}?upload={upload(client, whole)}&a={SLEEVE}&crop={CROP}&turn=90&anyway=1&n=48")
    by_part = get(client, f"{RESULTS}?upload={upload(client, part)}&a={SLEEVE}&anyway=1&n=48")
    assert ranks(by_crop) == ranks(by_part) and len(ranks(by_crop)) == 40


def test_crop_of_an_item_leaves_the_item_out_of_its_results(client: FlaskClient) -> None:
    page = get(client, f"{RESULTS}?item=3&a={SLEEVE}&crop={CROP}&anyway=1&n=48")
    assert len(ranks(page)) == 39 and 3 not in dict(ranks(page))
    assert ranks(page) != ranks(get(client, f"{RESULTS}?item=3&a={SLEEVE}&anyway=1&n=48"))


def test_crop_is_kept_in_the_form_and_turned_along(client: FlaskClient) -> None:
    page = words(get(client, f"{RESULTS}?item=3&a={SLEEVE}&crop={CROP}&anyway=1"))
    assert f'name="crop" id="crop" value="{CROP}"' in page and "crop-shade" in page
    assert "crop=0.5,0.25,0.5,0.5&turn=90" in page and "Whole photo" in page
    assert "turn=90" in words(get(client, f"{RESULTS}?item=3&a={SLEEVE}&turn=90&anyway=1"))


def test_crop_in_percent_as_a_browser_without_scripts_sends_it(client: FlaskClient) -> None:
    fields = "left=25&top=0&width=50&height=50"
    by_fields = get(client, f"{RESULTS}?item=3&a={SLEEVE}&{fields}&anyway=1")
    assert ranks(by_fields) == ranks(get(client, f"{RESULTS}?item=3&a={SLEEVE}&crop={CROP}&anyway=1"))
    assert 'value="25"' in words(by_fields)


@pytest.mark.parametrize(
    "arguments", ["crop=0,0,2,1", "crop=x", "turn=45", "crop=0,0,0.001,1", "also=item:x", "unlike=3"]
)
def test_unusable_pictures_are_explained_beside_the_search(client: FlaskClient, arguments: str) -> None:
    page = get(client, f"{RESULTS}?item=3&a={SLEEVE}&{arguments}")
    assert page.status_code == 422 and 'id="status" role="status" class="problem"' in words(page)


def test_turned_images_are_served(client: FlaskClient) -> None:
    with Image.open(io.BytesIO(get(client, "/c/tiny/image/3").data)) as image:
        width, height = image.size
    with Image.open(io.BytesIO(get(client, "/c/tiny/image/3?turn=90").data)) as turned:
        assert turned.size == (height, width)
    assert get(client, "/c/tiny/image/3?turn=1").status_code == 404


def test_further_pictures_change_the_ranking_and_can_be_taken_back(client: FlaskClient) -> None:
    alone = f"{RESULTS}?item=3&a={SLEEVE}&a=coat_length&anyway=1"
    for kind, title in (("also", "And like these"), ("unlike", "But not like these")):
        page = get(client, f"{alone}&{kind}=item:20")
        assert ranks(page) != ranks(get(client, alone)) and title in words(page)
        assert f'name="{kind}" value="item:20"' in words(page)
    named = words(get(client, f"{alone}&also=item:20;a=coat_length"))
    assert "<summary>coat length</summary>" in named.lower()


def test_further_picture_for_one_detail_ranks_that_detail_as_itself(client: FlaskClient) -> None:
    both = get(client, f"{RESULTS}?item=3&a=coat_length&also=item:20;a=coat_length&anyway=1&n=48")
    other = get(client, f"{RESULTS}?item=20&a=coat_length&anyway=1&n=48")
    order = [item for item, _ in ranks(both) if item not in (3, 20)]
    assert order == [item for item, _ in ranks(other) if item not in (3, 20)]


def test_items_to_keep_away_from_are_not_among_the_results(client: FlaskClient) -> None:
    address = f"{RESULTS}?item=3&a={SLEEVE}&anyway=1&n=48"
    first, second = [item for item, _ in ranks(get(client, address))][:2]
    left = [item for item, _ in ranks(get(client, f"{address}&unlike=item:{first}&unlike=item:{second}"))]
    assert len(left) == 37 and not {first, second} & set(left)
    exported = get(client, f"{address}&unlike=item:{first}".replace("results", "results.json")).json
    assert first not in [result["id"] for result in exported["results"]] and exported["total"] == 38


def test_too_many_pictures_are_refused(client: FlaskClient) -> None:
    more = "&".join(f"also=item:{number}" for number in range(10, 15))
    assert "up to 5 pictures" in words(get(client, f"{RESULTS}?item=3&a={SLEEVE}&{more}"))


@pytest.mark.parametrize(
    ("sides", "wrong"),
    [
        ("left=25", {"top", "width", "height"}),
        ("left=10&top=abc&width=50&height=200", {"top", "height"}),
        ("left=40&top=0&width=70&height=100", {"width"}),
        ("left=-1&top=nan&width=0&height=1e9", {"left", "top", "width", "height"}),
    ],
)
def test_wrong_percentages_of_a_crop_are_named_and_cost_no_result(
    client: FlaskClient, sides: str, wrong: set[str]
) -> None:
    page = get(client, f"{RESULTS}?item=3&a={SLEEVE}&anyway=1&crop={CROP}&{sides}")
    assert page.status_code == 422 and set(re.findall(r'id="(\w+)-problem"', words(page))) == wrong
    assert ranks(page) == ranks(get(client, f"{RESULTS}?item=3&a={SLEEVE}&crop={CROP}&anyway=1"))
    for side, text in (pair.split("=") for pair in sides.split("&")):
        assert re.search(rf'name="{side}" inputmode="decimal" value="{text}"', words(page))


def test_photo_is_added_to_a_search(client: FlaskClient, photo: Path) -> None:
    response = send(client, photo, f"/c/tiny/add?item=3&a={SLEEVE}")
    assert response.status_code == 303 and re.search(
        r"item=3&a=sleeve_length&also=upload:[0-9a-f]{64}", response.location
    )
    assert "And like these" in words(get(client, response.location))


@pytest.mark.parametrize(
    ("file", "says"), [(None, "Choose a photo first."), (b"no image", "not an image"), (bytes(40 * 2**20), "too large")]
)
def test_photo_that_cannot_be_added_is_explained_beside_its_field(
    client: FlaskClient, file: bytes | None, says: str
) -> None:
    address = f"item=3&a={SLEEVE}&anyway=1"
    page = send(client, file, f"/c/tiny/add?{address}")
    assert page.status_code == 422
    assert re.search(rf'id="photo-problem" role="alert">[^<]*{says}', words(page))
    assert ranks(page) == ranks(get(client, f"{RESULTS}?{address}"))
    assert get(client, f"/c/tiny/add?{address}").location == f"{RESULTS}?{address}"


def test_error_page_of_a_photo_that_was_to_be_added_leads_back_to_the_results(
    client: FlaskClient, photo: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def fail(_: object) -> str:
        raise Overloaded("Too many searches wait.")

    monkeypatch.setattr("webapp.views.results.save_photo", fail)
    address = f"item=3&a={SLEEVE}&anyway=1"
    page = send(client, photo, f"/c/tiny/add?{address}")
    link = re.search(r'href="([^"]+)">Back to the results', words(page))
    assert page.status_code == 503 and link and get(client, link[1]).location == f"{RESULTS}?{address}"


def test_expired_further_picture_is_explained(client: FlaskClient) -> None:
    page = get(client, f"{RESULTS}?item=3&a={SLEEVE}&also=upload:{'0' * 64}")
    assert page.status_code == 410 and "no longer here" in words(page)


def test_items_are_compared_side_by_side(client: FlaskClient) -> None:
    page = words(get(client, f"/c/tiny/compare?compared=item:3&compared=item:20&compared=item:7&a={SLEEVE}"))
    assert page.count('<th scope="col">') == 4 and "Garment 20" in page and 'scope="row"' in page
    assert "Back to the results" not in page and "Your search" not in page
    assert get(client, "/c/tiny/compare?compared=item:3").status_code == 302
    assert get(client, "/c/tiny/compare?compared=item:3&compared=item:999").status_code == 404


def test_results_offer_what_else_a_result_can_be_used_for(client: FlaskClient) -> None:
    page = words(get(client, f"{RESULTS}?item=3&a={SLEEVE}&anyway=1"))
    first = ranks(get(client, f"{RESULTS}?item=3&a={SLEEVE}&anyway=1"))[0][0]
    for kind in ("also", "unlike", "compared"):
        assert f"{kind}=item:{first}" in page
    two = words(get(client, f"{RESULTS}?item=3&a={SLEEVE}&compared=item:3&compared=item:20&anyway=1"))
    link = f"/c/tiny/compare?item=3&a={SLEEVE}&anyway=1&compared=item:3&compared=item:20"
    assert "Compare 2" in two and link in two


def test_search_is_compared_with_picked_items(client: FlaskClient) -> None:
    search = f"item=3&crop=0,0,1,0.5&a={SLEEVE}&w-{SLEEVE}=2"
    page = words(get(client, f"/c/tiny/compare?{search}&compared=item:20&compared=item:7"))
    assert page.count('<th scope="col">') == 4 and "Your search" in page and 'class="crop-shade"' in page
    for address in (
        f"results?{search}&compared=item:20&compared=item:7",  # the way back
        f"compare?{search}&compared=item:20",  # without one
        f"compare?{search}&compared=item:7",
    ):
        assert f'href="/c/tiny/{address}"' in page
    one = words(get(client, f"/c/tiny/compare?{search}&compared=item:20"))
    assert one.count('<th scope="col">') == 3
    none = get(client, f"/c/tiny/compare?{search}")
    assert none.status_code == 302 and none.location == f"/c/tiny/results?{search}"
    expired = words(get(client, f"/c/tiny/compare?upload={'0' * 64}&a={SLEEVE}&compared=item:20&compared=item:7"))
    assert expired.count('<th scope="col">') == 3


def test_full_tray_offers_no_more_items(client: FlaskClient) -> None:
    picks = "".join(f"&compared=item:{item}" for item in (4, 5, 6, 7))
    page = words(get(client, f"{RESULTS}?item=3&a={SLEEVE}&anyway=1{picks}"))
    assert re.search(r'<span class="full">Compare <small>\(4 at most\)</small>', page)
    assert "Do not compare this" in page and "compared=item:8" not in page


def test_garments_in_a_photo_are_offered_with_their_details(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    garments = [Garment("skirt", (0.3, 0.5, 0.6, 0.9), 0.8), Garment("upper", (0.3, 0.2, 0.6, 0.5), 0.9)]
    monkeypatch.setattr(SearchEngine, "find_garments", lambda *_: garments)
    address = f"{RESULTS}?item=3&a={SLEEVE}&anyway=1"
    page = words(get(client, address))
    links = re.findall(r'<a class="active-filter" id="frame-\w+" href="([^"]+)#query"', page)
    assert [name in page for name in ("</span> top</a>", "</span> skirt</a>", "whole photo</a>")] == [True] * 3
    assert "crop=0.21,0,0.48,1" in links[0] and "garment=upper" in links[0] and "garment=skirt" in links[1]
    assert 'aria-current="true">whole photo' in page
    query = get_query(client, links[1])
    assert query["a"] == ["skirt_length"] and query["garment"] == ["skirt"] and "choose" not in query
    chosen = words(get(client, get(client, links[1]).location))
    assert re.search(r'aria-current="true"><span aria-hidden="true">2</span> skirt', chosen)
    assert chosen.count('aria-current="true"><span') == 1 and 'aria-current="true">whole photo' not in chosen


def test_search_for_a_garment_takes_the_details_that_are_seen_of_it(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    garments = [Garment("coat", (0.3, 0.2, 0.6, 0.5), 0.9), Garment("trousers", (0.3, 0.5, 0.6, 0.9), 0.8)]
    monkeypatch.setattr(SearchEngine, "find_garments", lambda *_: garments)
    missing = {"collar_design", "pant_length"}
    monkeypatch.setattr(Query, "is_missing", lambda _, key: key in missing)
    coat = f"{RESULTS}?item=3&crop=0.21,0,0.48,1&garment=coat&choose=1"
    assert get_query(client, f"{coat}&a={SLEEVE}&a=collar_design&a=pant_length")["a"] == [SLEEVE]
    of_coat = get_query(client, f"{coat}&a=pant_length")["a"]
    assert set(of_coat) == {"coat_length", "lapel_design", SLEEVE, "neck_design", "neckline_design"}
    everything = get_query(client, f"{RESULTS}?item=3&a={SLEEVE}&choose=1")["a"]
    assert len(everything) == 6 and not missing & set(everything)


@pytest.mark.parametrize(
    "garments",
    [
        [Garment("upper", (0.2, 0.2, 0.6, 0.6), 0.9), Garment("upper", (0.3, 0.3, 0.6, 0.7), 0.6)],
        [Garment("upper", (0.2, 0.2, 0.6, 0.4), 0.9), Garment("upper", (0.2, 0.5, 0.6, 0.7), 0.6)],  # of one person
        [Garment("upper", (0.2, 0.2, 0.6, 0.6), 0.9), Garment("coat", (0.2, 0.2, 0.6, 0.7), 0.6)],
    ],
)
def test_garment_that_was_found_twice_has_one_frame(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch, garments: list[Garment]
) -> None:
    monkeypatch.setattr(SearchEngine, "find_garments", lambda *_: garments)
    page = words(get(client, f"{RESULTS}?item=3&a={SLEEVE}&anyway=1"))
    assert page.count('id="frame-1"') == 1 and 'id="frame-2"' not in page and "</span> top</a>" in page


def test_garments_of_a_turned_photo_are_those_of_the_upright_one(
    client: FlaskClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    upright = [Garment("coat", (0.3, 0.1, 0.6, 0.5), 0.9)]
    monkeypatch.setattr(
        SearchEngine, "find_garments", lambda *args: upright if args[-1] == 0 else [Garment("upper", (0, 0, 1, 1), 0.5)]
    )
    picture = Picture(3, crop=Crop(turn=90))
    with client.application.app_context():
        assert picture.garments("tiny") == [Garment("coat", (0.5, 0.3, 0.9, 0.6), 0.9)]


def test_photo_without_a_garment_offers_none(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SearchEngine, "find_garments", lambda *_: [Garment("coat", (0.3, 0.1, 0.6, 0.5), 0.9)])
    monkeypatch.setattr(Query, "shows_garment", False)
    page = words(get(client, f"{RESULTS}?item=3&a={SLEEVE}"))
    assert "We see no garment in this photo." in page and "frame-links" not in page


def test_one_garment_that_fills_the_photo_is_not_framed(client: FlaskClient, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(SearchEngine, "find_garments", lambda *_: [Garment("coat", (0.1, 0.1, 0.9, 0.9), 0.9)])
    assert "frame-links" not in words(get(client, f"{RESULTS}?item=3&a={SLEEVE}&anyway=1"))
