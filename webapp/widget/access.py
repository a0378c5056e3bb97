"""Access to the widget: a search key in the address, which stands in the place of a session.

A key's origins are the pages that may frame the widget (CSP frame-ancestors). A form needs no protection against
requests of other sites, because there is no session that they could use.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from flask import g, request

from rpf.access.keys import Key
from rpf.errors import OutOfReach
from webapp import extensions
from webapp.i18n import N_
from webapp.middleware.security_headers import allow_frames

# Of an address, and of all addresses of the widget that its page leads to.
COLOUR_ARGUMENTS = ("theme", "accent", "background", "text")
ARGUMENTS = ("key", "origin", "language", *COLOUR_ARGUMENTS)
NO_KEY = N_(
    "The widget needs a search key. Create one with: rpf keys create --kind search --origin https://shop.example"
)
UNKNOWN_KEY = N_("This key does not exist, or was revoked. List the keys with: rpf keys list")
WRITE_KEY = N_("A write key must never be on a page: revoke this one, and create a search key for the widget.")
NO_ORIGIN = N_(
    "This key names no origin, so no page may show the widget. Create a key with: "
    "rpf keys create --kind search --origin https://shop.example"
)
OTHER_ORIGIN = N_(
    'This key is not for pages of "%(origin)s". Create one with: rpf keys create --kind search --origin %(origin)s'
)
OTHER_COLLECTION = N_('This key is not for the collection "%(name)s". Name another in data-collection.')


@dataclass(frozen=True)
class Widget:
    """The widget of a request: the key's, on a page of one of its origins."""

    key: Key
    arguments: Mapping[str, str]  # those of ARGUMENTS that the address has

    @property
    def origin(self) -> str:
        """Return the origin of the page that is told which product was clicked; "" if none is."""
        return self.arguments.get("origin", "")

    @property
    def colours(self) -> dict[str, str]:
        """Return the arguments of the style sheet; where the page names no accent, the site's."""
        accent = extensions.site_config.accent
        named = {name: value for name, value in self.arguments.items() if name in COLOUR_ARGUMENTS}
        return ({"accent": accent} if accent else {}) | named

    def default_collection(self) -> str:
        """Return the collection where the page names none: the site's default one, or the first that the key allows."""
        default = extensions.engine_loader.engine.default
        return default if self.key.allows_collection(default) else self.key.collections[0]


def open_widget() -> None:
    """Check the key of a request, and let the pages of its origins frame the response. Raises OutOfReach."""
    arguments = {name: value for name in ARGUMENTS if (value := request.args.get(name))}
    key = extensions.key_store.authenticate(arguments.get("key", ""))
    if key is None:
        raise OutOfReach(UNKNOWN_KEY if "key" in arguments else NO_KEY)
    if key.kind == "write":
        raise OutOfReach(WRITE_KEY)
    if not key.origins:
        raise OutOfReach(NO_ORIGIN)
    origin = arguments.get("origin")
    if origin and not key.allows_origin(origin):
        raise OutOfReach(OTHER_ORIGIN, origin=origin)
    name = (request.view_args or {}).get("name")
    if name and not key.allows_collection(name):
        raise OutOfReach(OTHER_COLLECTION, name=name)
    g.api_key, g.widget = key, Widget(key, arguments)
    allow_frames(key.origins)


def add_arguments(endpoint: str, values: dict[str, Any]) -> None:
    """Carry the arguments of this request on to an address of the widget."""
    if widget := g.get("widget"):
        values.update(widget.arguments)
