"""Check of the site's settings: `python -m webapp.site_check`, which `rpf doctor` runs."""

import sys

from rpf.errors import ConfigError, printable
from webapp.config import SiteConfig
from webapp.widget.colours import THEMES, accent_colours, format_colour, parse_colour


def describe(config: SiteConfig) -> str:
    """Describe the brand in one line."""
    parts = [config.site_name]
    if config.site_logo:
        parts.append(f"logo {config.site_logo}")
    if accent := parse_colour(config.accent):
        links = (f"{format_colour(accent_colours(theme, accent)['accent'])} on {theme} pages" for theme in THEMES)
        parts.append(f"accent {config.accent} (links {', '.join(links)})")
    return printable("; ".join(parts))


if __name__ == "__main__":
    try:
        print(describe(SiteConfig.from_environ()))
    except ConfigError as error:
        print(error)
        sys.exit(1)
