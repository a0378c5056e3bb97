import string

import pytest
from hypothesis import given
from hypothesis import strategies as st
from urllib3.util import parse_url

from rpf.access.origins import normalize_origin
from rpf.errors import ConfigError

labels = st.from_regex(r"[a-z]([a-z0-9-]{0,10}[a-z0-9])?", fullmatch=True)
hosts = (
    st.lists(labels, min_size=1, max_size=4).map(".".join)
    | st.ip_addresses(v=4).map(str)
    | st.ip_addresses(v=6).filter(lambda address: not address.ipv4_mapped).map("[{}]".format)
)
schemes, ports = st.sampled_from(["http", "https"]), st.integers(1, 65535)


@pytest.mark.parametrize(
    ("text", "origin"),
    [
        ("https://shop.example", "https://shop.example"),
        ("HTTPS://Shop.Example:443", "https://shop.example"),
        ("http://localhost:4000", "http://localhost:4000"),
        ("http://127.0.0.1:80", "http://127.0.0.1"),
        ("https://shop.example:80", "https://shop.example:80"),
        ("http://[::0001]:8000", "http://[::1]:8000"),
        ("https://xn--bcher-kva.example", "https://xn--bcher-kva.example"),
    ],
)
def test_origin_is_written_as_browsers_send_it(text: str, origin: str) -> None:
    assert normalize_origin(text) == origin


@pytest.mark.parametrize(
    "text",
    [
        "", "*", "null", "shop.example", "//shop.example", "https://", "https://shop.example/",
        "https://shop.example/path", "https://*.shop.example", "https://user@shop.example", "https://shop.example?x",
        "https://shop.example#x", "https://shop.example:", "https://shop.example:0", "https://shop.example:65536",
        "https://shop.example:080", "ftp://shop.example", "file:///", "javascript:alert(1)", "https://shop..example",
        "https://shop.example.", "https://-shop.example", "https://256.1.1.1", "https://1.2.3", "https://[::1",
        "https://[::ffff:1.2.3.4]", "https://[fe80::1%25eth0]", "https://bücher.example", " https://shop.example",
        "https://shop.example\n", "https://shop.example,https://other.example", f"https://{'a' * 64}.example",
        f"https://{'a.' * 127}example", "https://٣.example", "https://shop.example:٤٤٣",
    ],
)  # fmt: skip
def test_text_that_is_no_exact_origin_is_refused_with_its_quotation(text: str) -> None:
    with pytest.raises(ConfigError, match="is not an origin"):
        normalize_origin(text)


@given(schemes, hosts, st.none() | ports, st.data())
def test_origin_keeps_scheme_host_and_port(scheme: str, host: str, port: int | None, data: st.DataObject) -> None:
    text = f"{scheme}://{host}" + (f":{port}" if port else "")
    origin = normalize_origin("".join(data.draw(st.sampled_from([one, one.upper()])) for one in text))
    parts = parse_url(origin)
    assert (parts.scheme, parts.host) == (scheme, host)
    assert parts.port == (None if port == {"http": 80, "https": 443}[scheme] else port)
    assert normalize_origin(origin) == origin


@given(st.text(string.printable) | st.builds("{}://{}".format, schemes, st.text(string.ascii_letters + ".:/[]@*-%")))
def test_any_text_is_a_normal_origin_or_refused(text: str) -> None:
    try:
        origin = normalize_origin(text)
    except ConfigError:
        return
    parts = parse_url(origin)
    assert origin.isascii() and origin == origin.lower() and parts.scheme in ("http", "https")
    assert parts.host and not (parts.path or parts.query or parts.fragment or parts.auth) and "*" not in origin
