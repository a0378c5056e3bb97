"""Fields of a results page that are typed: what is wrong with them, and the address without those.

So that a slip in one field costs nothing of the rest of the search.
"""

import math
from collections.abc import Sequence
from dataclasses import dataclass

from flask_babel import gettext
from werkzeug.datastructures import MultiDict

from rpf.attributes import Vocabulary
from rpf.errors import QueryError
from webapp.i18n import message
from webapp.pictures import SIDES, Picture
from webapp.search_params import PRICES, read_price
from webapp.words import Values, read_words

MAX_SHOWN_CHARACTERS = 40
ROUNDING = 0.01  # by which percentages in an address may be too much together


@dataclass(frozen=True)
class TypedFieldProblem:
    """What is wrong with a field, with its content and with what to search for instead."""

    text: str
    message: str
    instead: Sequence[str] = ()


def check_fields(
    args: "MultiDict[str, str]", vocabulary: Vocabulary, values: Values
) -> tuple["MultiDict[str, str]", dict[str, TypedFieldProblem]]:
    """Return the arguments without unusable fields, and the problems of these by name. values: that can be wanted."""
    problems: dict[str, TypedFieldProblem] = {}
    for name in PRICES:
        try:
            read_price(args.get(name, ""))
        except QueryError as error:
            problems[name] = TypedFieldProblem(args[name], message(error))
    problems |= _check_crop(args)
    text = args.get("words", "")
    has_picture = Picture.parse_whole(args) is not None
    words = read_words(vocabulary, text, values, needs_values=not has_picture)
    if words.problem:
        problems["words"] = TypedFieldProblem(text, words.problem, words.instead)
    unusable = {*problems, *(SIDES if problems.keys() & set(SIDES) else ())}
    usable = [(name, value) for name, value in args.items(multi=True) if name not in unusable]
    return MultiDict(usable), problems


def _check_crop(args: "MultiDict[str, str]") -> dict[str, TypedFieldProblem]:
    """Check the percentages of a crop; a width or a height also against where the crop begins."""
    if not any(args.get(side) for side in SIDES):
        return {}
    sides = {side: _percentage(args.get(side, "")) for side in SIDES}
    bounds = {
        "left": (0, 99),
        "top": (0, 99),
        "width": (1, 100 - (sides["left"] if 0 <= sides["left"] <= 99 else 0)),
        "height": (1, 100 - (sides["top"] if 0 <= sides["top"] <= 99 else 0)),
    }
    return {
        side: TypedFieldProblem(
            args.get(side, ""),
            gettext(
                'Here goes a number from %(least)g to %(most)g, not "%(text)s".',
                least=least, most=round(most, 2), text=args.get(side, "")[:MAX_SHOWN_CHARACTERS],
            ),
        )
        for side, (least, most) in bounds.items()
        if not least <= sides[side] <= most + ROUNDING  # negated so that NaN is caught too
    }  # fmt: skip


def _percentage(text: str) -> float:
    try:
        return float(text.strip().removesuffix("%").replace(",", "."))
    except ValueError:
        return math.nan
