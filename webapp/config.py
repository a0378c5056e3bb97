"""What the site is told by its environment; what the engine is told stands in rpf.settings."""

import os
from dataclasses import dataclass

from limits import parse_many

from rpf.errors import ConfigError

OFF = "off"


@dataclass(frozen=True)
class Options:
    """How the site meets the world (the README has the table)."""

    rate_limit: str = "20 per second; 240 per minute"  # searches and uploads of one address; "" for no limit
    proxies: int = 0  # in front of this server, which say for whom they ask
    https: bool = False  # visitors come by HTTPS only
    allow_urls: bool = False  # img_path may be an address on the internet
    metrics: bool = False  # /metrics is there

    @classmethod
    def from_environ(cls) -> "Options":
        """Options from RPF_* variables; whatever is unset or empty keeps its default. Raises ConfigError."""
        limit = os.environ.get("RPF_RATE_LIMIT") or cls.rate_limit
        if limit.strip().lower() == OFF:
            limit = ""
        try:
            parse_many(limit) if limit else None
        except ValueError:
            raise ConfigError(
                'RPF_RATE_LIMIT must be like "60 per minute", or off, not "%(text)s".', text=limit
            ) from None
        return cls(
            rate_limit=limit,
            proxies=_number("RPF_TRUSTED_PROXIES"),
            https=_switch("RPF_HTTPS"),
            allow_urls=_switch("RPF_ALLOW_URLS"),
            metrics=_switch("RPF_METRICS"),
        )


def _number(name: str) -> int:
    text = os.environ.get(name) or "0"
    if not text.isdecimal() or len(text) > 2:
        raise ConfigError('%(name)s must be a whole number, not "%(text)s".', name=name, text=text)
    return int(text)


def _switch(name: str) -> bool:
    text = os.environ.get(name) or "0"
    if text not in ("0", "1"):
        raise ConfigError('%(name)s must be 0 or 1, not "%(text)s".', name=name, text=text)
    return text == "1"
