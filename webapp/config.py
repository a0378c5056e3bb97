"""Settings of the site and its server from environment variables; the engine's are in rpf.settings."""

from pathlib import Path

from limits import parse_many
from pydantic import Field, field_validator
from pydantic_core import PydanticCustomError

from rpf.errors import ConfigError
from rpf.settings import EnvironmentSettings
from rpf.utils.files import load_or_create_secret
from webapp.brand import DEFAULT_NAME, MAX_NAME_LENGTH, Brand, Logo
from webapp.widget.colours import parse_colour


class SiteConfig(EnvironmentSettings):
    """Settings of the site: its brand, limits, proxies, and where its server listens."""

    site_name: str = Field(DEFAULT_NAME, description="Name of the site in its header and in the titles of its pages.")
    site_logo: Path | None = Field(
        None,
        description="SVG, PNG or WebP file, up to 512 KB, that takes the place of the mark in the header; also of the "
        "name where it is at least twice as wide as high.",
    )
    accent: str = Field(
        "",
        description="Colour of links and buttons, such as `#aa3366`; mixed with black or white as far as the contrast "
        "of text needs it.",
    )

    rate_limit: str = Field(
        "20 per second; 240 per minute", description="Searches and uploads of one address; `off` for no limit."
    )
    request_timeout: float = Field(
        60.0,
        gt=0,
        description="Seconds that a request may take to arrive; twice as many for its response to leave.",
    )
    trusted_proxies: int = Field(
        0,
        ge=0,
        le=99,
        description="Proxies in front, whose `X-Forwarded-For`, `-Proto`, `-Host` and `-Prefix` are believed.",
    )
    https: bool = Field(False, description="`1`: visitors come by HTTPS only (HSTS, secure cookies).")
    allow_urls: bool = Field(
        False,
        description="`1`: `img_path` may be an address on the public internet; images only, up to 16 MB.",
    )
    metrics: bool = Field(
        False, description="`1`: serve Prometheus's `/metrics`; keep it from the public (`deploy/nginx.conf` does)."
    )
    bind: str = Field(
        "", description="Address and port or `unix:` socket where gunicorn listens; empty: `0.0.0.0:PORT`."
    )
    port: int = Field(8000, ge=1, le=65535, validation_alias="PORT", description="Port where RPF_BIND is not set.")
    secret_key: str = Field(
        "",
        repr=False,
        validation_alias="SECRET_KEY",
        description="Key that signs sessions and forms; empty: made once and kept in RPF_INSTANCE.",
    )

    @field_validator("rate_limit")
    @classmethod
    def _check_rate_limit(cls, text: str) -> str:
        """Return "" for no limit."""
        if text.strip().lower() in ("", "off"):
            return ""
        try:
            parse_many(text)
        except ValueError:
            raise PydanticCustomError("rate_limit", 'like "60 per minute", or off') from None
        return text

    @field_validator("site_name")
    @classmethod
    def _check_name(cls, text: str) -> str:
        if not 0 < len(text.strip()) <= MAX_NAME_LENGTH:
            raise PydanticCustomError("site_name", f"a name of up to {MAX_NAME_LENGTH} characters")
        return text.strip()

    @field_validator("site_logo")
    @classmethod
    def _check_logo(cls, path: Path | None) -> Path | None:
        try:
            if path:
                Logo.read(path)
        except OSError as error:
            raise PydanticCustomError("site_logo", f"a file that can be read ({error.strerror})") from None
        except ValueError as error:
            raise PydanticCustomError("site_logo", f"{error}") from None
        return path

    @field_validator("accent")
    @classmethod
    def _check_accent(cls, text: str) -> str:
        if text and parse_colour(text) is None:
            raise PydanticCustomError("accent", "a colour such as #aa3366")
        return text

    def load_brand(self) -> Brand:
        """Read the brand's files."""
        return Brand.load(self.site_name, self.site_logo, parse_colour(self.accent))

    def load_secret_key(self, instance: Path) -> str:
        """Return SECRET_KEY, else the key of the instance folder, created where it is missing. Raises ConfigError."""
        try:
            return self.secret_key or load_or_create_secret(instance / "secret_key")
        except OSError as error:
            raise ConfigError(
                'The secret key cannot be saved in "%(folder)s": %(why)s. Set RPF_INSTANCE to a folder that can be '
                "written, or set SECRET_KEY.",
                folder=instance, why=error.strerror,
            ) from error  # fmt: skip

    @property
    def address(self) -> str:
        """Return the address and port, or the socket, where gunicorn listens."""
        return self.bind or f"0.0.0.0:{self.port}"
