"""Phrases that mean an attribute or a value of it: its name, an attribute's and a value's together, values in a row."""

from collections.abc import Iterator, Sequence

from rpf.attributes.misspellings import Misspellings, Phrase
from rpf.attributes.names import Attribute, Meaning
from rpf.attributes.text import compact, comparable, runs, split, words

MIN_STEM_LENGTH = 4  # letters of an attribute's name in a value's: "sleeveless"
MIN_MODIFIER_LENGTH = 3  # letters of a value's name without the attribute's; "O" and "lọ" are too short
MAX_SUGGESTED_WORDS = 64  # of a text that are looked up for suggestions
CLOSE_SIMILARITY = 0.85  # of a value that is suggested before the attributes that a text contains
ARTICLES = ("a", "an", "the")
GARMENTS = ("top", "ao", "上", "衣")  # words beside values that add nothing: "áo tay dài", "短袖上衣"


class PhraseIndex:
    """Names of the attributes of a vocabulary and of their values, by their letters. Immutable."""

    def __init__(self, attributes: Sequence[Attribute]) -> None:
        self._names: dict[str, set[Meaning]] = {}
        self._values: dict[str, set[Meaning]] = {}
        self._runs: dict[str, set[Meaning]] = {}  # parts of attributes' names
        self._heads: dict[str, set[int]] = {}  # what names an attribute beside a value: "neckline", "neck"
        self._modifiers: dict[str, set[Meaning]] = {}  # what names a value beside a head: "v neck", "v"
        self._leading: set[str] = set()  # modifiers that may go before the head; "đứng" of "cổ đứng" may not
        self._complete: set[str] = set()  # names of values that say their attribute: "v neck", not "square"
        self._compounds: set[tuple[str, ...]] = set()  # names with a separator in them ("texture and print"), split
        phrases: list[Phrase] = []
        for position, attribute in enumerate(attributes):
            phrases += self._add_names(position, attribute)
            phrases += self._add_values(position, attribute)
        self._misspellings = Misspellings(phrases)
        self._max_words = max((len(phrase.words) for phrase in phrases), default=0)
        self._max_pieces = max((len(pieces) for pieces in self._compounds), default=1)

    def _add_names(self, position: int, attribute: Attribute) -> Iterator[Phrase]:
        for name in attribute.all_names:
            if letters := compact(name):
                self._names.setdefault(letters, set()).add(Meaning(position))
            self._compounds.add(comparable(split(name)))
            for run in runs(words(name)):
                self._runs.setdefault("".join(run), set()).add(Meaning(position))
                yield Phrase(Meaning(position), tuple(run), name.isascii())

    def _add_values(self, position: int, attribute: Attribute) -> Iterator[Phrase]:
        heads = [head for name in (*attribute.all_names, *attribute.beside) if (head := words(name))]
        for head in heads:
            self._heads.setdefault(" ".join(head), set()).add(position)
        for value, names in attribute.wanted_names():
            for name in names:
                spelled, meaning = words(name), Meaning(position, value)
                letters = "".join(spelled)
                self._values.setdefault(letters, set()).add(meaning)
                stripped = _without_head(spelled, heads)
                long = [part for part in stripped if len("".join(part)) >= MIN_MODIFIER_LENGTH or not part[0].isascii()]
                vietnamese = letters.isascii() and not name.isascii()
                for modifier in (spelled, *long):
                    self._modifiers.setdefault(" ".join(modifier), set()).add(meaning)
                    if modifier == spelled or not vietnamese:
                        self._leading.add(" ".join(modifier))
                if stripped or any(len(head[0]) >= MIN_STEM_LENGTH and head[0] in letters for head in heads):
                    self._complete.add(letters)
                yield Phrase(meaning, tuple(spelled), name.isascii())

    def parts(self, text: str) -> Iterator[str]:
        """Yield the parts of a text between separators; a name with separators in it is one part."""
        pieces = split(text)
        start = 0
        while start < len(pieces):
            lengths = range(self._max_pieces, 1, -2)
            length = next((n for n in lengths if comparable(pieces[start : start + n]) in self._compounds), 1)
            if part := "".join(pieces[start : start + length]).strip():
                yield part
            start += length + 1

    def readings(self, part: str) -> list[list[Meaning]]:
        """Return what a part of a text can mean: each reading has all that it names; more than one if it is ambiguous.

        An attribute's name goes before a value's, that before a part of an attribute's, that before the names of an
        attribute and a value together ("short skirt", "skirt: short"); several values in a row come last ("长袖圆领").
        A misspelling counts only where one name is clearly nearest. A colon is in no part of a name: "袖子: 长" is not
        the beginning of "袖子长度".
        """
        spelled = words(part)
        letters = "".join(spelled)
        if meanings := self._named(letters) or (":" not in part and self._runs.get(letters)):
            return [[meaning] for meaning in sorted(meanings)]
        bare = spelled[1:] if spelled[:1] and spelled[0] in ARTICLES else spelled
        for attempt in (spelled, bare, self._corrected(bare)):
            if meanings := self._whole(attempt):
                return [[meaning] for meaning in sorted(meanings)]
            if values := self._values_in_a_row(attempt):
                return [values]
        nearest = self._misspellings.nearest_attribute(spelled)
        return [[nearest]] if nearest else []

    def suggest(self, part: str) -> list[Meaning]:
        """Return what a part that is refused may be about, best first: what it contains, else what is similar to it."""
        spelled = words(part)[:MAX_SUGGESTED_WORDS]
        letters = "".join(spelled)
        contained = [meanings for _, meanings in self._scan(self._corrected(spelled))]
        named = {attribute for meanings in contained for attribute, value in meanings if value is None}
        # "short" in "short denim skirt" is that of skirts.
        clear = [{m for m in meanings if m.attribute in named} or meanings for meanings in contained]
        contents = [meaning for meanings in clear for meaning in sorted(meanings)]
        values = [meaning for meaning in contents if meaning.value is not None]
        similar = self._misspellings.similarities(letters)
        values = values or [meaning for meaning, similarity in similar.items() if similarity >= CLOSE_SIMILARITY]
        suggestions = [*values, *contents] or sorted(self._modifiers.get(" ".join(spelled), ())) or similar
        return list(dict.fromkeys(suggestions))

    def _named(self, letters: str) -> set[Meaning]:
        return self._names.get(letters) or self._values.get(letters) or set()

    def _whole(self, spelled: Sequence[str]) -> set[Meaning]:
        """Return the meanings of a name, else of an attribute's and a value's name together, in either order."""
        named = self._named("".join(spelled))
        if named or len(spelled) > 2 * self._max_words:
            return named
        composed: set[Meaning] = set()
        for at in range(1, len(spelled)):
            before, after = " ".join(spelled[:at]), " ".join(spelled[at:])
            for head, modifier in ((before, after), (after, before)):
                attributes = self._heads.get(head, ())
                if attributes and (head == before or modifier in self._leading):
                    composed |= {m for m in self._modifiers.get(modifier, ()) if m.attribute in attributes}
        return composed

    def _scan(self, spelled: Sequence[str]) -> Iterator[tuple[str, set[Meaning]]]:
        """Yield the longest names from left to right and the words between them, with their meanings."""
        start = 0
        while start < len(spelled):
            ends = range(min(len(spelled), start + self._max_words), start, -1)
            end = next((end for end in ends if self._named("".join(spelled[start:end]))), start + 1)
            letters = "".join(spelled[start:end])
            yield letters, self._named(letters)
            start = end

    def _values_in_a_row(self, spelled: Sequence[str]) -> list[Meaning]:
        """Return the values that the words name one after another; none if a word is left over or a name is unclear.

        Each name has to say its attribute: "straight long pants" is not the neckline "straight" with long pants.
        """
        values: list[Meaning] = []
        for letters, meanings in self._scan(spelled):
            if letters in self._complete and len(meanings) == 1:
                values += meanings
            elif letters not in GARMENTS:
                return []
        return values

    def _corrected(self, spelled: Sequence[str]) -> list[str]:
        """Correct the words that are no names themselves ("midiskirt" is near to "mini skirt")."""
        corrected = self._misspellings.correct(spelled)
        pairs = zip(spelled, corrected, strict=True)
        return [word if word != right and self._whole([word]) else right for word, right in pairs]


def _without_head(spelled: Sequence[str], heads: Sequence[Sequence[str]]) -> list[Sequence[str]]:
    """Return a value's name without the attribute's before or after it: ["v"] for "v neck", "v neckline" and "cổ v".

    Of two heads the shorter one goes: "平驳领" less "领", not less "驳领".
    """
    shortest_first = sorted(heads, key=len)
    before = next((spelled[len(head) :] for head in shortest_first if spelled[: len(head)] == head), [])
    after = next((spelled[: -len(head)] for head in shortest_first if spelled[-len(head) :] == head), [])
    return [stripped for stripped in (before, after) if stripped]
