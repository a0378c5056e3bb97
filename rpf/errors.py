"""Errors that a user can correct. Everything else is a bug and keeps its traceback."""

import os
import re

# What a terminal obeys or reorders by: C0, DEL and C1 controls, line and paragraph separators, overrides and isolates
# of the direction; and lone surrogates, which no encoding has. Joiners and direction marks belong to ordinary text.
_UNPRINTABLE = re.compile("[\0-\x1f\x7f-\x9f\u2028\u2029\u202a-\u202e\u2066-\u2069\ud800-\udfff]")
_SHORT = {"\t": r"\t", "\n": r"\n", "\r": r"\r"}


def printable(text: object) -> str:
    r"""Escape what is not to reach a terminal, as bash reads it in $'...': \x1b, \n, \u202e.

    A byte of a file name that is not UTF-8 (a lone surrogate in Python) becomes \xff. Backslashes stay as they are, so
    that text which is printable already does not change.
    """
    return _UNPRINTABLE.sub(_escape, str(text))


def _escape(match: re.Match[str]) -> str:
    character = match[0]
    code = ord(character)
    if 0xDC80 <= code <= 0xDCFF:  # an undecodable byte (PEP 383)
        return f"\\x{code - 0xDC00:02x}"
    if code < 0x80:
        return _SHORT.get(character, f"\\x{code:02x}")
    return f"\\u{code:04x}"


class RPFError(Exception):
    """A one-line message made of an English template and its parameters.

    The two are kept apart so that the site can translate the template (`gettext(e.template) % e.params`). Texts, paths
    and errors among the parameters are kept as printable text, because they come from outside.
    """

    def __init__(self, template: str, **params: object) -> None:
        super().__init__(template, params)
        self.template = template
        self.params = {
            key: printable(value) if isinstance(value, str | os.PathLike | Exception) else value
            for key, value in params.items()
        }

    def __str__(self) -> str:
        return self.template % self.params


class ConfigError(RPFError):
    """A config file or an option that cannot be used."""


class CheckpointError(RPFError):
    """A weights file that is missing, malformed, or of another shape than its config says."""


class DownloadError(RPFError):
    """A published file that cannot be downloaded, or that has another content than at the first download."""


class DatasetError(RPFError):
    """An annotation file that is missing or malformed, or images that a dataset names and that are missing."""


class FeedError(RPFError):
    """A product feed, or a mapping or link template for it, that cannot be read at all."""


class CollectionError(RPFError):
    """A collection that is missing, damaged, locked by another writer, or made with another checkpoint."""


class CollectionBusy(CollectionError):
    """A collection that another process is writing; later it may be free."""


class UnknownCollection(CollectionError):
    """No collection of that name."""


class UnknownItem(RPFError):
    """No item with that id in the collection."""


class UnknownProduct(RPFError):
    """No product with that id in the collection."""


class UnknownAttribute(RPFError):
    """A text that names nothing that we know, leaves open what it means, or wants two values of one attribute."""


class BadImage(RPFError):
    """A file that is not an image, or not one that can be used."""


class TooLarge(RPFError):
    """File above the limit in bytes."""

    def __init__(self, limit: int) -> None:
        super().__init__("The file is too large; %(limit)d MB is the limit.", limit=limit // 2**20)


class QueryError(RPFError):
    """A search that cannot be run as asked (a weight, a count, a query made by another model)."""


class UnusableValue(QueryError):
    """A wanted value that the collection's model has not learnt."""


class UnusableFilter(QueryError):
    """A filter in a collection whose values are unknown."""


class SearchUnavailable(RPFError):
    """A search server that does not answer; later it may."""


class Overloaded(RPFError):
    """More requests than can be served now; a later one may be."""


class AccessError(RPFError):
    """Keys or events of the API that cannot be read or saved, or a key that does not exist."""


class OutOfReach(RPFError):
    """A collection that a key of the API is not for."""


class IdempotencyConflict(RPFError):
    """An idempotency key whose first request is still in progress."""


class UnusableEvents(RPFError):
    """A report of events that is none, or too long."""


class TrainingError(RPFError):
    """A training that cannot go on, or would destroy an earlier one."""
