"""Pairwise testing: few cases in which any two values still meet."""

from collections.abc import Sequence
from itertools import combinations


def pairwise(cases: Sequence[tuple[str, ...]]) -> list[tuple[str, ...]]:
    """Choose cases, greedily, so that each pair of values that meets in any case meets in a chosen one."""
    pairs = {case: set(combinations(enumerate(case), 2)) for case in cases}
    missing = set().union(*pairs.values())
    chosen = []
    while missing:
        best = max(cases, key=lambda case: len(pairs[case] & missing))
        chosen.append(best)
        missing -= pairs[best]
    return chosen
