"""Texts as people type them: split at separators, and into comparable words."""

import re
import unicodedata
from collections.abc import Iterable, Iterator, Sequence
from itertools import combinations

_SEPARATOR = re.compile(
    r"([;,+&、\r\n\v\f\x85\u2028\u2029]|(?<!\d)/|/(?!\d)|(?<!\w)(?:and|with|và|với|va|voi)(?!\w)|[和与])", re.I
)  # a slash between digits is a fraction: "3/4 sleeves"
_WORD = re.compile("[\u3400-\u9fff]|[^\\W_\u3400-\u9fff]+")
_SIMPLIFIED = str.maketrans(
    "長領裙褲無圓設計頸線襯蓋連過絲羅紋單駁頭蕩葉邊標準規腳嬰雙",
    "长领裙裤无圆设计颈线衬盖连过丝罗纹单驳头荡叶边标准规脚婴双",
)


def split(text: str) -> list[str]:
    """Split a text into pieces and the separators between them. NFKC makes full-width separators plain."""
    return _SEPARATOR.split(unicodedata.normalize("NFKC", text))


def words(text: str) -> list[str]:
    """Split a text into comparable words: "Độ-dài TAY" -> ["do", "dai", "tay"], "V領" -> ["v", "领"].

    They are in lower case without accents and plural s ("shorts" is no plural); Chinese characters are simplified, and
    each is a word.
    """
    plain = unicodedata.normalize("NFKD", unicodedata.normalize("NFKD", text).casefold()).replace("đ", "d")
    plain = "".join(character for character in plain if not unicodedata.combining(character))
    return [re.sub(r"(?<=\w{3}[^s])(?<!\bshort)s$", "", word) for word in _WORD.findall(plain.translate(_SIMPLIFIED))]


def compact(text: str) -> str:
    """Join the words of a text: "Skirt-Length" -> "skirtlength"."""
    return "".join(words(text))


def comparable(pieces: Iterable[str]) -> tuple[str, ...]:
    """Return the pieces of a split text without regard to spelling; a piece without words stays as it is."""
    return tuple(compact(piece) or piece.strip() for piece in pieces)


def runs(words: Sequence[str]) -> Iterator[Sequence[str]]:
    """Yield all runs of neighbouring words."""
    yield from (words[start:end] for start, end in combinations(range(len(words) + 1), 2))


def shorten(part: str) -> str:
    """Shorten a text to one printable line."""
    printable = "".join(character if character.isprintable() else " " for character in part)
    line = " ".join(printable.split())
    return line if len(line) <= 60 else line[:59] + "…"
