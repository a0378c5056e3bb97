import pytest

from rpf.errors import ConfigError
from rpf.settings import SITE_VARIABLES, Settings
from webapp.config import SiteConfig

VARIABLES = {**Settings.variables(), **SiteConfig.variables()}


@pytest.fixture(autouse=True)
def _default_rate_limit(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("RPF_RATE_LIMIT", raising=False)


def test_settings_keep_their_defaults_where_variables_are_empty(monkeypatch: pytest.MonkeyPatch) -> None:
    settings, config = Settings(), SiteConfig()
    for name in VARIABLES:
        monkeypatch.setenv(name, "")
    assert (Settings.from_environ(), SiteConfig.from_environ()) == (settings, config)
    assert config.address == "0.0.0.0:8000"


def test_site_config_reads_every_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    for name, text in {
        "RPF_RATE_LIMIT": "5/hour",
        "RPF_REQUEST_TIMEOUT": "2.5",
        "RPF_TRUSTED_PROXIES": "2",
        "RPF_HTTPS": "1",
        "RPF_ALLOW_URLS": "1",
        "RPF_METRICS": "0",
        "PORT": "90",
        "SECRET_KEY": "k",
    }.items():
        monkeypatch.setenv(name, text)
    config = SiteConfig.from_environ()
    assert config == SiteConfig(
        rate_limit="5/hour",
        request_timeout=2.5,
        trusted_proxies=2,
        https=True,
        allow_urls=True,
        metrics=False,
        port=90,
        secret_key="k",
    )
    assert config.address == "0.0.0.0:90"
    monkeypatch.setenv("RPF_BIND", "unix:/run/rpf.sock")
    monkeypatch.setenv("RPF_RATE_LIMIT", "Off")
    assert (SiteConfig.from_environ().address, SiteConfig.from_environ().rate_limit) == ("unix:/run/rpf.sock", "")


@pytest.mark.parametrize(
    ("name", "text", "wanted"),
    [
        ("RPF_RATE_LIMIT", "many", 'like "60 per minute", or off'),
        ("RPF_TRUSTED_PROXIES", "-1", "greater than or equal to 0"),
        ("RPF_TRUSTED_PROXIES", "999", "less than or equal to 99"),
        ("RPF_HTTPS", "maybe", "0 or 1"),
        ("RPF_METRICS", "2", "0 or 1"),
        ("RPF_REQUEST_TIMEOUT", "a while", "a number"),
        ("RPF_REQUEST_TIMEOUT", "nan", "greater than 0"),
        ("PORT", "http", "a whole number"),
        ("RPF_THREADS", "two", "a whole number"),
        ("RPF_MAX_QUEUE", "0", "greater than or equal to 1"),
        ("RPF_MILVUS_REPLICAS", "100", "less than or equal to 99"),
    ],
)
def test_settings_name_the_variable_and_its_unusable_value(
    monkeypatch: pytest.MonkeyPatch, name: str, text: str, wanted: str
) -> None:
    monkeypatch.setenv(name, text)
    with pytest.raises(ConfigError) as error:
        Settings.from_environ(), SiteConfig.from_environ()
    assert str(error.value) == f'{name} must be {wanted}, not "{text}".'


@pytest.mark.parametrize(
    ("name", "message"),
    [
        ("RPF_QUEUE", "RPF_QUEUE is not a setting; did you mean RPF_MAX_QUEUE?"),
        ("RPF_PROXIES", "RPF_PROXIES is not a setting; did you mean RPF_TRUSTED_PROXIES?"),
        ("RPF_RATELIMIT", "RPF_RATELIMIT is not a setting; did you mean RPF_RATE_LIMIT?"),
        ("RPF_" + "X" * 30, f"RPF_{'X' * 30} is not a setting."),
    ],
)
def test_settings_refuse_an_unknown_variable_by_its_nearest_name(
    monkeypatch: pytest.MonkeyPatch, name: str, message: str
) -> None:
    monkeypatch.setenv(name, "1")
    for kind in (Settings, SiteConfig):
        with pytest.raises(ConfigError) as error:
            kind.from_environ()
        assert str(error.value) == message


def test_settings_know_the_variables_of_the_site() -> None:
    assert {name for name in SiteConfig.variables() if name.startswith("RPF_")} == SITE_VARIABLES


def test_settings_describe_every_variable_and_hide_secrets() -> None:
    assert all(field.description for field in VARIABLES.values())
    shown = repr((Settings(milvus_token="hidden"), SiteConfig(secret_key="hidden")))
    assert "hidden" not in shown
