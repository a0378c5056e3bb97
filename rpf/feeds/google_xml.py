"""XML feeds of Google Merchant Center: RSS 2.0 and Atom, with the namespace g."""

from collections.abc import Iterator
from pathlib import Path
from xml.parsers import expat

from rpf.errors import FeedError
from rpf.feeds.files import FeedRecord
from rpf.products.product import MAX_COLUMN_LENGTH

GOOGLE_NAMESPACE = "http://base.google.com/ns/1.0"
BLOCK_BYTES = 2**18
_ROOTS = {"rss", "feed", "RDF"}
_ITEMS = {"item", "entry"}


def read_google_xml(path: Path) -> Iterator[FeedRecord]:
    """Yield the items of a feed, without loading it whole.

    A document type is refused, and with it all entities but the five of XML: the known attacks on parsers need one.
    Raises FeedError for what is no such feed, and for a broken one: a part of a feed would remove the other products.
    """
    parser = _ItemParser()
    try:
        with path.open("rb") as file:
            block = file.read(BLOCK_BYTES)
            start = block.lstrip()  # line breaks before the XML declaration are a common mistake
            parser.skipped_lines = block.removesuffix(start).count(b"\n")
            block = start
            while block:
                yield from parser.feed(block)
                block = file.read(BLOCK_BYTES)
        yield from parser.feed(b"", is_last=True)
    except expat.ExpatError as error:
        raise FeedError(
            'The feed "%(path)s" is no well-formed XML: %(why)s in line %(line)s. Export it again.',
            path=path, why=expat.ErrorString(error.code), line=error.lineno + parser.skipped_lines,
        ) from None  # fmt: skip
    except (ValueError, LookupError) as error:
        raise FeedError('The feed "%(path)s" cannot be used: %(why)s.', path=path, why=str(error)) from None


class _ItemParser:
    """Parser of items into cells; elements of Google's namespace go before others of the same name."""

    def __init__(self) -> None:
        self.skipped_lines = 0
        self._parser = expat.ParserCreate(namespace_separator=" ")
        self._parser.buffer_text = True
        self._parser.StartElementHandler = self._start
        self._parser.EndElementHandler = self._end
        self._parser.CharacterDataHandler = self._add_text
        self._parser.StartDoctypeDeclHandler = self._refuse
        self._items: list[FeedRecord] = []
        self._depth = 0
        self._item_depth = 0  # 0 outside of an item
        self._line = 0
        self._cells: dict[tuple[str, bool], list[str]] = {}  # by name and whether it is Google's
        self._texts: list[str] = []  # of a cell: of its inner elements, if it has any
        self._length = 0

    def feed(self, block: bytes, is_last: bool = False) -> Iterator[FeedRecord]:
        """Parse a block and yield the items that end in it."""
        self._parser.Parse(block, is_last)
        items, self._items = self._items, []
        return iter(items)

    def _start(self, name: str, attributes: dict[str, str]) -> None:
        self._depth += 1
        local = name.rpartition(" ")[2]
        if self._depth == 1 and local not in _ROOTS:
            raise ValueError(f"it begins with <{local}>, where <rss> or <feed> with Google's products is expected")
        if not self._item_depth:
            if local in _ITEMS:
                self._item_depth, self._line, self._cells = self._depth, self._parser.CurrentLineNumber, {}
        elif self._depth == self._item_depth + 1:
            self._texts, self._length = [""], 0
            if attributes.get("href") and attributes.get("rel", "alternate") == "alternate":  # Atom's links
                self._texts = [attributes["href"]]
        else:
            self._texts.append("")

    def _end(self, name: str) -> None:
        if self._item_depth and self._depth == self._item_depth + 1:
            # Google's own text form of an attribute with parts, such as shipping, is "US:Standard:4.95 USD".
            text = ":".join(part for part in (text.strip() for text in self._texts) if part)
            namespace, _, local = name.rpartition(" ")
            if text:
                self._cells.setdefault((local, namespace == GOOGLE_NAMESPACE), []).append(text)
        elif self._depth == self._item_depth:
            self._items.append(FeedRecord(self._line + self.skipped_lines, self._merged()))
            self._item_depth = 0
        self._depth -= 1

    def _merged(self) -> dict[str, str | list[str]]:
        chosen = {name: texts for (name, _), texts in sorted(self._cells.items(), key=lambda cell: cell[0][1])}
        return {name: texts[0] if len(texts) == 1 else texts for name, texts in chosen.items()}

    def _add_text(self, text: str) -> None:
        if self._item_depth and self._depth > self._item_depth and self._length <= MAX_COLUMN_LENGTH:
            self._texts[-1] += text
            self._length += len(text)

    def _refuse(self, *_: object) -> None:
        raise ValueError("it has a document type, which no product feed needs; remove <!DOCTYPE ...>")
