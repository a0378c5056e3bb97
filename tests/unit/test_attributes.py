"""The vocabulary: every name in every language, misspellings, and texts of all kinds."""

import string

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from rpf.attributes import LANGUAGES, MAX_TEXT_LENGTH, Attribute, Vocabulary
from rpf.errors import ConfigError, UnknownAttribute

FASHIONAI = (
    *("skirt_length", "sleeve_length", "coat_length", "pant_length"),
    *("collar_design", "lapel_design", "neckline_design", "neck_design"),
)
DARN = (
    *("clothes category", "clothes button", "clothes color", "clothes length", "clothes pattern"),
    *("clothes shape", "collar shape", "sleeve length", "sleeve shape"),
)
DEEPFASHION = ("texture-related", "fabric-related", "shape-related", "part-related", "style-related")
VOCABULARIES = {
    "FashionAI": Vocabulary(FASHIONAI),
    "DARN": Vocabulary(DARN),
    "DeepFashion": Vocabulary(DEEPFASHION),
    "own": Vocabulary(["rise_and_fit", "cut/fit", "heel-height", "neck_line", "鞋跟和高度", "a;b"]),
}
FASHION = VOCABULARIES["FashionAI"]


def called(attribute: Attribute) -> list[str]:
    return [attribute.key, *attribute.names.values(), *attribute.synonyms]


def all_names() -> list[tuple[str, str, str]]:
    """List (vocabulary, attribute's key, one of its names)."""
    return [(name, a.key, text) for name, vocabulary in VOCABULARIES.items() for a in vocabulary for text in called(a)]


def meaning(vocabulary: Vocabulary, text: str) -> str | None:
    """Return the one attribute that a text means, or None where it is refused."""
    try:
        keys = vocabulary.parse(text)
    except UnknownAttribute:
        return None
    assert len(keys) == 1, (text, keys)
    return keys[0]


def test_known_attributes_are_named_in_all_languages() -> None:
    counts = (6, 9, 8, 6, 5, 5, 10, 5)
    for vocabulary in (FASHION, VOCABULARIES["DARN"], VOCABULARIES["DeepFashion"]):
        for language in LANGUAGES:
            names = [attribute.name(language) for attribute in vocabulary]
            assert len(set(names)) == len(vocabulary)
        assert all(set(attribute.names) == set(LANGUAGES) for attribute in vocabulary)
        assert all(attribute.group != "other" for attribute in vocabulary)
    assert tuple(len(attribute.values) for attribute in FASHION) == counts
    for attribute in FASHION:
        assert attribute.value_name(0) == "not visible"
        for language in LANGUAGES:
            assert len({value[language] for value in attribute.values}) == len(attribute.values)
    assert all(not attribute.values for attribute in VOCABULARIES["DARN"])


def test_names_of_values_and_languages_fall_back() -> None:
    sleeve = FASHION["sleeve_length"]
    assert sleeve.value_name(3) == "short sleeves"
    assert sleeve.value_name(3, "zh") == "短袖"
    assert sleeve.value_name(3, "fr") == "short sleeves"
    assert sleeve.value_name(9) == "value 9"
    assert sleeve.value_name(-1, "vi") == "giá trị -1"
    assert sleeve.name("fr") == sleeve.name() == "Sleeve length"


def test_vocabulary_is_a_sequence_of_its_keys() -> None:
    assert FASHION.keys == FASHIONAI
    assert len(FASHION) == 8
    assert [attribute.key for attribute in FASHION] == list(FASHIONAI)
    assert FASHION.index("coat_length") == 2
    assert FASHION["coat_length"].key == "coat_length"
    assert "coat_length" in FASHION and "coat length" not in FASHION
    for lookup in (FASHION.index, FASHION.__getitem__):
        with pytest.raises(UnknownAttribute, match="Coat length"):
            lookup("coat length")
    for keys in (["a", "a"], [""]):
        with pytest.raises(ConfigError):
            Vocabulary(keys)


def test_vocabulary_keeps_the_collections_spelling_and_finds_the_names() -> None:
    vocabulary = Vocabulary(["Clothes_Color", "sleeve-shape", "coat__size"])
    assert vocabulary.keys == ("Clothes_Color", "sleeve-shape", "coat__size")
    assert [attribute.name("vi") for attribute in vocabulary] == ["Màu sắc", "Kiểu tay áo", "coat size"]
    assert vocabulary.parse("sleeves; colour; coat size") == ["sleeve-shape", "Clothes_Color", "coat__size"]


def test_key_of_two_families_is_named_by_the_family_of_the_vocabulary() -> None:
    assert len(FASHION["sleeve_length"].values) == 9
    assert VOCABULARIES["DARN"]["sleeve length"].values == ()


def test_groups_are_in_order_of_first_appearance() -> None:
    groups = FASHION.groups()
    assert [(name, [attribute.key for attribute in members]) for name, members in groups] == [
        ("Lengths", list(FASHIONAI[:4])),
        ("Neck and collar", list(FASHIONAI[4:])),
    ]
    assert [name for name, _ in FASHION.groups("vi")] == ["Độ dài", "Cổ áo"]
    assert [name for name, _ in FASHION.groups("zh")] == ["长度", "领部"]
    assert [name for name, _ in VOCABULARIES["own"].groups()] == ["Other"]


@pytest.mark.parametrize(
    ("text", "keys"),
    [
        ("Độ dài tay; Thiết kế cổ áo; Độ dài váy", ["sleeve_length", "collar_design", "skirt_length"]),
        ("do dai tay va thiet ke co ao voi do dai vay", ["sleeve_length", "collar_design", "skirt_length"]),
        ("sleeve_length,collar-design/LAPEL  DESIGN", ["sleeve_length", "collar_design", "lapel_design"]),
        ("sleeves and collar with trousers & skirt", ["sleeve_length", "collar_design", "pant_length", "skirt_length"]),
        ("tay áo và váy", ["sleeve_length", "skirt_length"]),
        ("袖长、领口；裤长", ["sleeve_length", "neckline_design", "pant_length"]),
        (
            "袖长＋裙长／衣长，翻领＆高领",
            ["sleeve_length", "skirt_length", "coat_length", "lapel_design", "neck_design"],
        ),
        ("袖子和领子与裤子", ["sleeve_length", "collar_design", "pant_length"]),
        ("sleeve length\r\n\n- neckline\n", ["sleeve_length", "neckline_design"]),
        ("sleeves; tay áo; 袖长; sleeve_length", ["sleeve_length"]),
        ("neck line", ["neckline_design"]),
        ("neck", ["neck_design"]),
        ("sleevelength", ["sleeve_length"]),
        ("ｓｌｅｅｖｅ　ｌｅｎｇｔｈ", ["sleeve_length"]),
        ("sleve lenght; coller desing", ["sleeve_length", "collar_design"]),
        ("Thiet kê co ao; Đo dai tay", ["collar_design", "sleeve_length"]),
        ("thiet kee co ao", ["collar_design"]),
    ],
)
def test_parse_text_of_any_spelling_gives_the_keys(text: str, keys: list[str]) -> None:
    assert FASHION.parse(text) == keys


@pytest.mark.parametrize(
    ("text", "part", "suggestions"),
    [
        ("cổ áo", "cổ áo", ["collar_design", "neckline_design", "neck_design"]),
        ("领型", "领型", ["collar_design", "lapel_design", "neckline_design", "neck_design"]),
        ("sleeves; length", "length", ["skirt_length", "sleeve_length", "coat_length", "pant_length"]),
        ("design", "design", ["collar_design", "lapel_design", "neckline_design", "neck_design"]),
    ],
)
def test_parse_ambiguous_text_names_the_candidates(text: str, part: str, suggestions: list[str]) -> None:
    with pytest.raises(UnknownAttribute) as caught:
        FASHION.parse(text)
    names = ", ".join(FASHION[key].name() for key in suggestions)
    assert caught.value.params["suggestions"] == suggestions
    assert str(caught.value) == f'"{part}" could mean {names}. Say which.'


def test_parse_unknown_text_names_the_part_and_the_nearest() -> None:
    cases = {
        "sleeves; shirt length": '"shirt length" is not an attribute here. Did you mean Skirt length?',
        "boot length": '"boot length" is not an attribute here. Did you mean Coat length, Pant length?',
        "": 'Name at least one attribute, for example "Skirt length; Sleeve length".',
        " ; , \n": 'Name at least one attribute, for example "Skirt length; Sleeve length".',
    }
    for text, message in cases.items():
        with pytest.raises(UnknownAttribute) as caught:
            FASHION.parse(text)
        assert str(caught.value) == message
    with pytest.raises(UnknownAttribute, match=r"The attributes are Skirt length, .*, Neck design\.$"):
        FASHION.parse("100% wool, %(part)s")
    with pytest.raises(UnknownAttribute) as caught:
        FASHION.parse("do dai tayy vay", language="vi")
    assert caught.value.params["part"] == "do dai tayy vay"
    assert "Độ dài" in str(caught.value.params["nearest"])


def test_parse_correct_word_is_no_misspelling_of_another() -> None:
    darn = VOCABULARIES["DARN"]
    assert meaning(darn, "độ dài váy") is None  # one letter from "độ dài tay", but there are no skirts
    assert meaning(darn, "Độ dài tay") == "sleeve length"
    assert meaning(darn, "Thiết kế cổ áo") == "collar shape"
    assert meaning(FASHION, "shirt") is None
    assert meaning(FASHION, "color") is None
    assert meaning(FASHION, "độ dài vai") is None
    with pytest.raises(UnknownAttribute) as caught:
        darn.parse("sleeves")
    assert caught.value.params["suggestions"] == ["sleeve length", "sleeve shape"]


def test_parse_short_words_must_be_exact() -> None:
    assert meaning(FASHION, "coat") == "coat_length"
    assert meaning(FASHION, "caot") is None
    assert meaning(FASHION, "tai") is None


def test_parse_long_texts_and_odd_characters_are_refused_in_a_line() -> None:
    with pytest.raises(UnknownAttribute, match="1000 characters; these take 1001"):
        FASHION.parse("x" * (MAX_TEXT_LENGTH + 1))
    with pytest.raises(UnknownAttribute) as caught:
        FASHION.parse("w\ud800rong\x00\t" * 50)
    shown = str(caught.value.params["part"])
    assert shown.isprintable() and len(shown) <= 60
    shown.encode("utf-8")


def test_own_attributes_may_have_separators_in_their_names() -> None:
    vocabulary = VOCABULARIES["own"]
    assert vocabulary.parse("rise and fit; cut/fit + heel height") == ["rise_and_fit", "cut/fit", "heel-height"]
    assert vocabulary.parse("鞋跟和高度 and a;b") == ["鞋跟和高度", "a;b"]
    assert vocabulary["neck_line"].name("vi") == "neck line"
    assert meaning(vocabulary, "rise") == "rise_and_fit"
    assert VOCABULARIES["DeepFashion"].parse("texture and fabric") == ["texture-related", "fabric-related"]
    assert VOCABULARIES["DeepFashion"].parse("texture and print") == ["texture-related"]


def test_parse_keys_that_differ_in_spelling_only_must_be_exact() -> None:
    vocabulary = Vocabulary(["coat length", "coat_length", "!!!"])
    assert [meaning(vocabulary, key) for key in vocabulary.keys] == ["coat length", "coat_length", "!!!"]
    assert meaning(vocabulary, "Coat Length") is None
    assert meaning(vocabulary, "???") is None
    with pytest.raises(UnknownAttribute):
        Vocabulary([]).parse("sleeves")


@pytest.mark.parametrize("name", VOCABULARIES)
def test_parse_every_name_gives_its_attribute_or_is_ambiguous(name: str) -> None:
    vocabulary = VOCABULARIES[name]
    for attribute in vocabulary:
        for text in (attribute.key, *attribute.names.values()):
            assert meaning(vocabulary, text) == attribute.key, text
        for text in attribute.synonyms:
            try:
                assert vocabulary.parse(text.upper()) == [attribute.key], text
            except UnknownAttribute as error:
                suggestions = error.params["suggestions"]
                assert isinstance(suggestions, list)
                assert attribute.key in suggestions and len(suggestions) > 1, text


def typos(text: str) -> list[str]:
    """Return all texts with two neighbouring letters swapped or one letter left out."""
    swaps = [text[:i] + text[i + 1] + text[i] + text[i + 2 :] for i in range(len(text) - 1)]
    return swaps + [text[:i] + text[i + 1 :] for i in range(len(text))]


@pytest.mark.parametrize("name", VOCABULARIES)
def test_parse_letters_swapped_or_left_out_never_give_another_attribute(name: str) -> None:
    vocabulary = VOCABULARIES[name]
    right = wrong = 0
    for attribute in vocabulary:
        for text in called(attribute):
            if len(text) < 8 or meaning(vocabulary, text) is None:
                continue
            for typo in typos(text):
                try:
                    keys = vocabulary.parse(typo)
                except UnknownAttribute:
                    wrong += 1
                else:
                    assert keys == [attribute.key], (text, typo)
                    right += 1
    assert right > 3 * wrong, (right, wrong)  # most misspellings are understood


@given(
    st.sampled_from([entry for entry in all_names() if len(entry[2]) >= 8]),
    st.integers(0, 100),
    st.sampled_from(string.ascii_letters + string.digits + " _-đửạ长袖"),
)
def test_parse_inserted_letter_never_gives_another_attribute(entry: tuple[str, str, str], at: int, letter: str) -> None:
    name, key, text = entry
    at %= len(text) + 1
    try:
        keys = VOCABULARIES[name].parse(text[:at] + letter + text[at:])
    except UnknownAttribute:
        return
    assert keys == [key]


pieces = st.one_of(
    st.sampled_from([text for _, _, text in all_names()]),
    st.sampled_from([";", ",", "+", "/", "&", " and ", " với ", "和", "\n", "、", "；", " ", "", "-", "%", "%(part)s"]),
    st.text(max_size=20),
)


@given(st.sampled_from(list(VOCABULARIES)), st.lists(pieces, max_size=20).map("".join) | st.text(max_size=1200))
@example("FashionAI", "ﷺ" * MAX_TEXT_LENGTH)
@example("FashionAI", ";" * MAX_TEXT_LENGTH)
@example("own", "rise and " * 111)
def test_parse_any_text_gives_keys_or_an_error(name: str, text: str) -> None:
    vocabulary = VOCABULARIES[name]
    try:
        keys = vocabulary.parse(text)
    except UnknownAttribute as error:
        assert "\n" not in str(error)
        str(error).encode("utf-8")
        suggestions = error.params["suggestions"]
        assert isinstance(suggestions, list) and all(key in vocabulary for key in suggestions)
        assert {"part", "nearest"} <= error.params.keys()
    else:
        assert keys and len(set(keys)) == len(keys)
        assert all(key in vocabulary for key in keys)


@given(st.lists(st.text(min_size=1, max_size=12), unique=True, max_size=6))
def test_vocabulary_of_any_keys_finds_their_names(keys: list[str]) -> None:
    vocabulary = Vocabulary(keys)
    assert vocabulary.keys == tuple(keys)
    for attribute in vocabulary:
        assert attribute.name("vi")
        try:
            parsed = vocabulary.parse(attribute.key)
        except UnknownAttribute:
            continue
        # A key that is made of other keys and separators ("a;b" beside "a" and "b") is still one.
        assert parsed == [attribute.key] or len(keys) > 1
