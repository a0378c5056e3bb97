"""Addresses of the search's pages: on the site, or in the widget, which shows the same pages in a frame."""

from typing import Any

from flask import g, url_for

SITE_ENDPOINTS = {"start": "search.start", "search": "search.search", "ranked": "results.ranked"}


def page_address(page: str, name: str, /, **args: Any) -> str:
    """Return the address of a page of SITE_ENDPOINTS about a collection, where this request is at home."""
    return url_for(f"widget.{page}" if "widget" in g else SITE_ENDPOINTS[page], name=name, **args)
