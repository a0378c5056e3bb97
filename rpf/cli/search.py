"""Command that searches a collection."""

import json
from pathlib import Path

import click

from rpf.cli.options import FILE, naming, with_settings
from rpf.cli.output import say
from rpf.collection import collection_folder, read_manifest
from rpf.settings import Settings


@click.command()
@click.argument("name")
@click.argument("image", type=FILE)
@click.option("--attrs", required=True, help='Attributes, such as "sleeve length; collar design".')
@click.option("-k", default=10, show_default=True, type=click.IntRange(1, 1000), help="How many results.")
@click.option("--json", "as_json", is_flag=True, help="As JSON, exact numbers.")
@with_settings
def search(settings: Settings, name: str, image: Path, attrs: str, k: int, as_json: bool) -> None:
    """Rank the collection NAME by similarity to IMAGE in the given attributes.

    \b
    Example:
      rpf search wardrobe photo.jpg --attrs "sleeve length; collar design" -k 5
    """
    from rpf.engine import SearchEngine, SearchRequest

    read_manifest(collection_folder(settings.collections, name))  # before the model is loaded
    engine = SearchEngine(settings)
    keys = engine.collection(name).vocabulary.parse(attrs)
    with naming(image):
        query = engine.embed(image)
    results = engine.search(name, SearchRequest(query, dict.fromkeys(keys, 1.0), k))
    if as_json:
        rows = [
            {
                "id": hit.item.id,
                "path": hit.item.path,
                "similarity": round(hit.similarity, 6),
                "attributes": hit.similarities,
            }
            for hit in results.hits
        ]
        # ASCII, because a terminal encoding that lacks a character would break the JSON by its escapes.
        say(json.dumps({"attributes": keys, "total": results.total, "results": rows}))
        return
    lines = [f"{hit.rank:4}  {hit.similarity:10.4f}  {hit.item.id:6}  {hit.item.path}" for hit in results.hits]
    say("rank  similarity      id  image", *lines)
