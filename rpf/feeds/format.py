"""Base of the formats of feeds: how the columns of one are called, and what its rows mean."""

from abc import ABC, abstractmethod
from typing import ClassVar

from rpf.feeds.assemble import Assembler
from rpf.feeds.problems import ProblemLog
from rpf.feeds.rows import Cells, ColumnFields, FeedRow, FieldNames


class FeedFormat(ABC):
    """A format of feeds. An instance reads one feed."""

    name: ClassVar[str]
    orphans: ClassVar[str] = ""  # what is said of variants without the row of their product
    fields: ClassVar[FieldNames]
    lists: ClassVar[tuple[str, ...]] = ("images",)  # fields that may have several columns

    def __init__(self, log: ProblemLog) -> None:
        self.columns = ColumnFields(self.fields, self.lists)
        self.log = log

    @abstractmethod
    def recognises(self, names: set[str]) -> bool:
        """Return whether a header with these columns (normalized) is one of this format."""

    @abstractmethod
    def read(self, cells: Cells, assembler: Assembler) -> FeedRow | None:
        """Return what a row says; None for a row to be left out, which is reported if it should not be there."""

    def finish(self, assembler: Assembler) -> None:  # noqa: B027 -- most formats have nothing to do
        """Do what needs all rows, before they become products."""
