"""Attributes of a collection: their names in three languages, and a parser of texts that name them.

names.yaml has the names of the known attributes; other attributes are named after their keys.
"""

from rpf.attributes.names import LANGUAGES, Attribute
from rpf.attributes.presence import MISSING_BELOW, is_missing
from rpf.attributes.vocabulary import MAX_SUGGESTIONS, MAX_TEXT_LENGTH, Vocabulary

__all__ = [
    "LANGUAGES", "MAX_SUGGESTIONS", "MAX_TEXT_LENGTH", "MISSING_BELOW", "Attribute", "Vocabulary", "is_missing",
]  # fmt: skip
