"""Page of a collection's report: one HTML file with all it shows, thumbnails included, so that it can be mailed."""

from base64 import b64encode
from pathlib import Path

from jinja2 import Environment, FileSystemLoader, StrictUndefined

from rpf.errors import printable
from rpf.evaluation.collection_report import CollectionReport, rest, share

TEMPLATE = "collection_page.html"


def collection_page(report: CollectionReport) -> str:
    """Return the page. All texts are escaped."""
    environment = Environment(
        loader=FileSystemLoader(Path(__file__).parent),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
        finalize=lambda value: printable(value) if isinstance(value, str) and not hasattr(value, "__html__") else value,
    )
    environment.filters.update(data_uri=_data_uri, count=lambda number: f"{number:,}")
    return environment.get_template(TEMPLATE).render(report=report, rest=rest, share=share)


def _data_uri(webp: bytes) -> str:
    return f"data:image/webp;base64,{b64encode(webp).decode()}"
