"""The errors that a person can mend. Everything else is a bug and keeps its traceback."""

import os

from rpf.text import printable


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


class DatasetError(RPFError):
    """An annotation file that is missing or malformed, or images that a dataset names and lacks."""


class CollectionError(RPFError):
    """A collection that is missing, damaged, locked by another writer, or made with another checkpoint."""


class UnknownCollection(CollectionError):
    """No collection of that name."""


class UnknownItem(RPFError):
    """No item with that id in the collection."""


class UnknownAttribute(RPFError):
    """A part of an attribute text that names no attribute, or more than one; or no attribute at all."""


class BadImage(RPFError):
    """A file that is not a picture we can use."""


class QueryError(RPFError):
    """A search that cannot be run as asked (a weight, a count, a query made by another model)."""


class SearchUnavailable(RPFError):
    """A search server that does not answer; later it may."""


class Overloaded(RPFError):
    """More is asked for at once than can be done; later it may be less."""


class TrainingError(RPFError):
    """A training that cannot go on, or would destroy an earlier one."""
