"""Misspelled names: corrected words, the attribute that is clearly nearest, and similar names to suggest."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass

from rapidfuzz import process
from rapidfuzz.distance import OSA

from rpf.attributes.names import Meaning, known_words

MIN_NAME_LENGTH = 5  # letters; shorter names must be spelled right
MIN_CORRECTED_LENGTH = 7  # letters of all words together
MIN_SYLLABLE_LENGTH = 4  # letters; "cotton" is no misspelled "cổ tròn"
MIN_JOINED_LENGTH = 8  # letters of words that are joined and misspelled
DISTANCE_LENGTHS = (5, 9, 15)  # letters from which on 1, 2, 3 edits are taken for a misspelling
TWO_EDITS_LENGTH = 12  # letters of a single word from which on 2 edits are corrected
MIN_SIMILARITY = 0.65  # of a name that is suggested, 1 - edits / letters
SIMILARITY_SPREAD = 0.15  # below the most similar name, for others to be suggested beside it


@dataclass(frozen=True)
class Phrase:
    """A name of an attribute or a value, or a part of an attribute's name.

    `plain` names have no accents: English ones, and a few in Vietnamese.
    """

    meaning: Meaning
    words: tuple[str, ...]
    plain: bool

    @property
    def letters(self) -> str:
        return "".join(self.words)


class Misspellings:
    """Phrases that a text may misspell. Immutable."""

    def __init__(self, phrases: Iterable[Phrase]) -> None:
        phrases = list(dict.fromkeys(phrases))
        self._words = known_words() | {word for phrase in phrases for word in phrase.words}
        # Short words without a meaning ("co", "ke") resemble too much; Chinese ones are dense.
        self._similar = [p for p in phrases if len(p.letters) >= MIN_NAME_LENGTH or not p.letters.isascii()]
        long_names = [phrase for phrase in self._similar if len(phrase.letters) >= MIN_NAME_LENGTH]
        self._misspelled = [phrase for phrase in long_names if phrase.words[0] != "of"]  # as in "length of sleeve"
        plain = [phrase for phrase in phrases if phrase.plain]
        corrections = {word for phrase in plain for word in phrase.words}
        corrections |= {p.letters for p in plain if min(map(len, p.words)) >= MIN_SYLLABLE_LENGTH}
        self._corrections = {word for word in corrections if _may_be_misspelled(word)}
        self._spellings = sorted(self._words | self._corrections)

    def correct(self, words: Sequence[str]) -> list[str]:
        """Correct English words that are near to one known word alone.

        Both begin with the same letter: "u neckline" is no misspelled "v neckline". Vietnamese syllables and Chinese
        characters are too dense.
        """
        if sum(map(len, words)) < MIN_CORRECTED_LENGTH:
            return list(words)
        return [self._correct_word(word) for word in words]

    def _correct_word(self, word: str) -> str:
        if word in self._words or not _may_be_misspelled(word):
            return word
        edits = 1 + (len(word) >= TWO_EDITS_LENGTH)
        nearest = process.extract(word, self._spellings, scorer=OSA.distance, score_cutoff=edits, limit=2)
        if not nearest or (len(nearest) > 1 and nearest[0][1] == nearest[1][1]):
            return word
        correct = str(nearest[0][0])
        return correct if correct in self._corrections and correct[0] == word[0] else word

    def nearest_attribute(self, words: Sequence[str]) -> Meaning | None:
        """Return the attribute whose name the words misspell, if it is clearly nearest, names of values included.

        A word that is spelled right is no misspelling, so that a phrase must contain it: "shirt length" is not "skirt
        length", and "độ dài váy" is not "độ dài tay" where there are no skirts. Nor is another first letter, which may
        stand for a value: "w neckline".
        """
        letters = "".join(words)
        edits = sum(len(letters) >= length for length in DISTANCE_LENGTHS)
        correct = self._words.intersection(words)
        distances: dict[Meaning, int] = {}
        likely: set[Meaning] = set()
        choices = [phrase.letters for phrase in self._misspelled]
        cutoff = max(0, 2 * edits - 1)
        for _, distance, at in process.extract(letters, choices, scorer=OSA.distance, score_cutoff=cutoff, limit=None):
            phrase = self._misspelled[at]
            if correct.issubset(phrase.words) and _same_words(words, phrase.words):
                distances[phrase.meaning] = min(distance, distances.get(phrase.meaning, distance))
                if phrase.meaning.value is None and phrase.letters[0] == letters[0]:
                    likely.add(phrase.meaning)
        nearest = min(distances.values(), default=edits + 1)
        near = {meaning for meaning, distance in distances.items() if distance < 2 * nearest}
        return near.pop() if nearest <= edits and len(near) == 1 and near <= likely else None

    def similarities(self, letters: str) -> dict[Meaning, float]:
        """Return the meanings of the names that are most similar, and how much they are, best first."""
        if letters in self._words:
            return {}
        similarities: dict[Meaning, float] = {}
        for _, similarity, at in process.extract(
            letters,
            [phrase.letters for phrase in self._similar],
            scorer=OSA.normalized_similarity,
            score_cutoff=MIN_SIMILARITY,
            limit=None,
        ):
            meaning = self._similar[at].meaning
            similarities[meaning] = max(similarity, similarities.get(meaning, 0.0))
        floor = max(similarities.values(), default=0.0) - SIMILARITY_SPREAD
        near = [(meaning, similarity) for meaning, similarity in similarities.items() if similarity >= floor]
        return dict(sorted(near, key=lambda pair: (-pair[1], pair[0].attribute)))


def _may_be_misspelled(word: str) -> bool:
    return len(word) >= MIN_NAME_LENGTH and word.isascii() and word.isalpha()


def _same_words(words: Sequence[str], correct: Sequence[str]) -> bool:
    """Tell whether each word may misspell the other; words may also be joined."""
    if len(words) != len(correct):
        return len(words) < len(correct) and sum(map(len, words)) >= MIN_JOINED_LENGTH
    return all(
        OSA.distance(word, right) <= max(1, sum(len(word) >= length for length in DISTANCE_LENGTHS))
        for word, right in zip(words, correct, strict=True)
    )
