"""Output of a search: a table for people, JSON for programs."""

import json
from collections.abc import Sequence
from typing import TYPE_CHECKING

from rpf.attributes import Vocabulary
from rpf.cli.output import say

if TYPE_CHECKING:
    from rpf.engine import Hit, Results


def print_results(vocabulary: Vocabulary, keys: Sequence[str], results: "Results", as_json: bool) -> None:
    """Print the hits with the values that were recognised in the chosen attributes."""
    if as_json:
        rows = [
            {
                "id": hit.item.id,
                "path": hit.item.path,
                "similarity": round(hit.similarity, 6),
                "attributes": hit.similarities,
                "missing": hit.missing,
                "values": {
                    key: {"value": value, "name": vocabulary[key].value_name(value), "probability": probability}
                    for key, (value, probability) in hit.values.items()
                    if key in keys and key not in hit.missing
                },
            }
            for hit in results.hits
        ]
        # ASCII, because a terminal encoding that lacks a character would break the JSON by its escapes.
        say(json.dumps({"attributes": keys, "total": results.total, "results": rows}))
        return
    with_values = any(hit.values for hit in results.hits)
    width = max((len(hit.item.path) for hit in results.hits), default=0) if with_values else 0
    say(f"rank  similarity      id  {'image':<{width}}{'  recognised' if with_values else ''}")
    for hit in results.hits:
        values = "  " + "; ".join(_value(vocabulary, hit, key) for key in keys) if with_values else ""
        say(f"{hit.rank:4}  {hit.similarity:10.4f}  {hit.item.id:6}  {hit.item.path:<{width}}{values}")


def _value(vocabulary: Vocabulary, hit: "Hit", key: str) -> str:
    """Name the value of an attribute, with its probability: "long sleeves 93%"."""
    if key in hit.missing:
        return "none"
    if key not in hit.values:
        return "unknown"
    value, probability = hit.values[key]
    return f"{vocabulary[key].value_name(value)} {probability:.0%}"
