import hashlib
import os
import sqlite3
import stat
import string
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from rpf.access import keys
from rpf.access.keys import ACCESS_FILE, REFRESH_SECONDS, TOKEN, KeyStore
from rpf.errors import AccessError, ConfigError

SHOP = "https://shop.example"


@pytest.fixture
def store(tmp_path: Path) -> KeyStore:
    return KeyStore(tmp_path / "instance")


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> list[float]:
    """Return the monotonic time that the keys see, to be changed."""
    now = [1000.0]
    monkeypatch.setattr(keys.time, "monotonic", lambda: now[0])
    return now


def test_key_authenticates_with_its_token(store: KeyStore) -> None:
    key, token = store.create("search", "widget", [SHOP, "https://shop.example:443"], ["shop"], "10/second")
    assert store.authenticate(token) == key
    assert (key.kind, key.name, key.origins, key.collections, key.rate_limit) == (
        "search", "widget", (SHOP,), ("shop",), "10/second",
    )  # fmt: skip
    assert TOKEN.fullmatch(token) and token.startswith(f"rpf_s_{key.id}_")
    assert store.create("write", "sync")[1].startswith("rpf_w_")


def test_store_without_keys_authenticates_nothing_and_creates_no_file(store: KeyStore, tmp_path: Path) -> None:
    assert store.authenticate(f"rpf_s_{'0' * 8}_{'0' * 64}") is None
    assert not store.any_keys() and not store.has_write_keys() and store.list_keys() == []
    assert list(tmp_path.iterdir()) == []


def test_any_keys_and_has_write_keys_tell_the_kinds(store: KeyStore) -> None:
    search, _ = store.create("search", "widget")
    assert store.any_keys() and not store.has_write_keys()
    write, _ = store.create("write", "sync")
    assert store.has_write_keys()
    assert store.list_keys() == [search, write]


def test_origins_are_those_of_all_keys(store: KeyStore) -> None:
    store.create("search", "one", [SHOP])
    store.create("search", "two", ["http://localhost:4000", SHOP])
    store.create("write", "sync")
    assert store.origins() == {SHOP, "http://localhost:4000"}


def test_search_key_allows_its_origins_and_programs(store: KeyStore) -> None:
    key, _ = store.create("search", "widget", [SHOP])
    assert key.allows_origin(SHOP) and key.allows_origin(None)
    for origin in ("null", "", "https://shop.example.evil.example", "http://shop.example", "https://shop.example:8443"):
        assert not key.allows_origin(origin)


def test_write_key_allows_no_page(store: KeyStore) -> None:
    key, _ = store.create("write", "sync")
    assert key.allows_origin(None) and not key.allows_origin(SHOP)


def test_key_allows_its_collections_or_all(store: KeyStore) -> None:
    limited, _ = store.create("search", "widget", collections=["shop", "shop"])
    assert limited.collections == ("shop",)
    assert limited.allows_collection("shop") and not limited.allows_collection("other")
    assert store.create("search", "widget")[0].allows_collection("other")


def test_revoked_key_stops_at_once_in_its_process(store: KeyStore) -> None:
    (key, token), (other, other_token) = store.create("search", "one"), store.create("search", "two")
    assert store.authenticate(token) == key
    store.revoke(key.id)
    assert store.authenticate(token) is None
    assert store.authenticate(other_token) == other


def test_change_by_another_store_is_known_after_the_refresh(
    store: KeyStore, tmp_path: Path, clock: list[float]
) -> None:
    other = KeyStore(tmp_path / "instance")
    key, token = store.create("write", "sync")
    assert other.authenticate(token) == key
    store.revoke(key.id)
    clock[0] += 0.9 * REFRESH_SECONDS
    assert other.authenticate(token) == key
    clock[0] += 0.1 * REFRESH_SECONDS
    assert other.authenticate(token) is None and not other.any_keys()


def test_lookups_between_refreshes_read_no_file(
    store: KeyStore, clock: list[float], monkeypatch: pytest.MonkeyPatch
) -> None:
    key, token = store.create("search", "widget")
    assert store.authenticate(token) == key
    monkeypatch.setattr(keys, "open_read_only", None)
    assert all(store.authenticate(token) == key for _ in range(100))


def test_replaced_file_is_read(store: KeyStore, tmp_path: Path, clock: list[float]) -> None:
    _, token = store.create("search", "widget")
    assert store.authenticate(token)
    (tmp_path / "instance" / ACCESS_FILE).unlink()
    clock[0] += 1
    assert store.authenticate(token) is None
    key, new_token = store.create("search", "widget")
    assert store.authenticate(new_token) == key


def test_file_has_the_hash_of_a_token_and_not_its_secret(store: KeyStore, tmp_path: Path) -> None:
    _, token = store.create("write", "sync")
    stored = b"".join(path.read_bytes() for path in (tmp_path / "instance").iterdir())
    assert hashlib.sha256(token.encode()).digest() in stored
    assert token.rpartition("_")[2].encode() not in stored


def test_file_and_its_log_are_readable_by_their_owner_only(store: KeyStore, tmp_path: Path) -> None:
    old = os.umask(0)
    try:
        store.create("write", "sync")
        path = tmp_path / "instance" / ACCESS_FILE
        with sqlite3.connect(path) as database:
            database.execute("UPDATE keys SET name = 'other'")
            modes = {stat.S_IMODE(file.stat().st_mode) for file in path.parent.iterdir()}
            assert len(list(path.parent.iterdir())) == 3  # with the log and its index
            assert database.execute("PRAGMA journal_mode").fetchone() == ("wal",)
        database.close()
    finally:
        os.umask(old)
    assert modes == {0o600}


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ({"kind": "write", "name": "sync", "origins": [SHOP]}, "A write key must never be in a browser"),
        ({"kind": "search", "name": " "}, 'A key needs a name of 1 to 100 characters, not ""'),
        ({"kind": "search", "name": "n" * 101}, "A key needs a name of 1 to 100 characters"),
        ({"kind": "search", "name": "\ud800"}, "A key needs a name"),
        ({"kind": "search", "name": "x", "origins": ["shop.example"]}, '"shop.example" is not an origin'),
        ({"kind": "search", "name": "x", "rate_limit": "many"}, 'must be like "10/second" .*, not "many"'),
    ],
)
def test_unusable_key_is_refused_and_not_saved(store: KeyStore, arguments: dict[str, object], message: str) -> None:
    with pytest.raises(ConfigError, match=message):
        store.create(**arguments)  # type: ignore[arg-type]
    assert store.list_keys() == []


def test_revoking_an_unknown_key_says_how_to_list_them(store: KeyStore) -> None:
    for _ in range(2):  # without a file, and with one
        with pytest.raises(AccessError, match='There is no key "12345678"; list the keys with: rpf keys list'):
            store.revoke("12345678")
        store.create("search", "widget")


def test_damaged_file_is_an_error_that_names_it(store: KeyStore, tmp_path: Path) -> None:
    _, token = store.create("search", "widget")
    (tmp_path / "instance" / ACCESS_FILE).write_bytes(b"no database" * 500)
    store = KeyStore(tmp_path / "instance")
    for call in (lambda: store.authenticate(token), store.list_keys, lambda: store.create("search", "x")):
        with pytest.raises(AccessError, match=r'The keys in ".*access.sqlite" cannot be (read|saved): file is not'):
            call()


def test_file_that_another_process_creates_is_empty_for_a_moment(store: KeyStore, tmp_path: Path) -> None:
    (tmp_path / "instance").mkdir()
    (tmp_path / "instance" / ACCESS_FILE).touch()
    assert store.list_keys() == []
    assert store.create("search", "widget")[0] == store.list_keys()[0]


@pytest.fixture(scope="module")
def tokens(tmp_path_factory: pytest.TempPathFactory) -> tuple[KeyStore, list[str]]:
    store = KeyStore(tmp_path_factory.mktemp("keys"))
    return store, [store.create("search", "widget")[1], store.create("write", "sync")[1]]


@given(st.data())
def test_no_other_text_authenticates(tokens: tuple[KeyStore, list[str]], data: st.DataObject) -> None:
    store, known = tokens
    token = data.draw(st.sampled_from(known))
    at = data.draw(st.integers(0, len(token) - 1))
    changed = token[:at] + data.draw(st.characters()) + token[at + 1 :]
    cut = data.draw(st.sampled_from([token[:at], token[at + 1 :], token + token[at], token.upper(), f"{token}\n"]))
    mixed = "_".join(data.draw(st.sampled_from(pair)) for pair in zip(*(one.split("_") for one in known), strict=True))
    for text in (changed, cut, mixed, data.draw(st.text()), data.draw(st.text(string.hexdigits + "_rpfsw"))):
        assert (store.authenticate(text) is not None) == (text in known)
