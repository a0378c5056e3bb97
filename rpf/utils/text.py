"""Lists of examples in messages and reports."""

from collections.abc import Sequence

EXAMPLES = 3  # of things of one kind


def format_examples(examples: Sequence[str], count: int) -> str:
    """Put the first EXAMPLES of `count` things into brackets: "(a.jpg, b.jpg, c.jpg, ...)"."""
    shown = examples[:EXAMPLES]
    return f"({', '.join(shown)}{', ...' if count > len(shown) else ''})"
