import pytest

from rpf.errors import ConfigError
from webapp.config import Options


def test_the_defaults(monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("RATE_LIMIT", "PROXIES", "HTTPS", "ALLOW_URLS", "METRICS"):
        monkeypatch.setenv(f"RPF_{name}", "")
    assert Options.from_environ() == Options()


def test_what_is_set(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in (
        ("RATE_LIMIT", "5/hour"),
        ("PROXIES", "2"),
        ("HTTPS", "1"),
        ("ALLOW_URLS", "1"),
        ("METRICS", "0"),
    ):
        monkeypatch.setenv(f"RPF_{name}", text)
    assert Options.from_environ() == Options("5/hour", 2, True, True, False)
    monkeypatch.setenv("RPF_RATE_LIMIT", "Off")
    assert Options.from_environ().rate_limit == ""


@pytest.mark.parametrize(
    ("name", "text"),
    [("RATE_LIMIT", "many"), ("PROXIES", "-1"), ("PROXIES", "999"), ("HTTPS", "yes"), ("METRICS", "2")],
)
def test_what_cannot_be_is_told(monkeypatch: pytest.MonkeyPatch, name: str, text: str) -> None:
    monkeypatch.setenv(f"RPF_{name}", text)
    with pytest.raises(ConfigError, match=f"RPF_{name} must be .*{text}"):
        Options.from_environ()
