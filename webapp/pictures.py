"""Pictures in an address: an item of the collection or an upload, and the crop of it that a search is for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rpf.engine import WHOLE, Crop, Garment, Query
from webapp import extensions

Box = tuple[float, float, float, float]  # left, top, right, bottom as shares of the picture's sides
SIDES = ("left", "top", "width", "height")


@dataclass(frozen=True)
class Picture:
    """A picture to search with."""

    item: int | None = None  # id in the collection
    upload: str | None = None  # SHA-256 of an uploaded image, where it is no item
    crop: Crop = WHOLE

    @classmethod
    def parse(cls, args: Mapping[str, str]) -> "Picture | None":
        """Read a picture from an address, None where there is none. Raises QueryError for a crop that is none."""
        picture = cls.parse_whole(args)
        crop = args.get("crop", "")
        if any(args.get(side) for side in SIDES):  # without scripts, in percent
            texts = [args.get(side, "").strip().removesuffix("%").replace(",", ".") for side in SIDES]
            crop = ",".join(f"{text or 'missing'}e-2" for text in texts)
        return picture and replace(picture, crop=Crop.parse(crop, args.get("turn") or 0))

    @classmethod
    def parse_whole(cls, args: Mapping[str, str]) -> "Picture | None":
        """Read a picture without its crop."""
        item = args.get("item", "")
        if item.isascii() and item.isdecimal() and len(item) < 19:
            return cls(item=int(item))
        return cls(upload=args["upload"]) if args.get("upload") else None

    def args(self) -> dict[str, Any]:
        """Return the picture as arguments of `url_for`."""
        return {
            **({"upload": self.upload} if self.item is None else {"item": self.item}),
            **({} if self.crop.is_whole else {"crop": self.crop.rectangle}),
            **({"turn": self.crop.turn} if self.crop.turn else {}),
        }

    def find_turn(self) -> int:
        """Return the degrees by which an upload should be turned; 0 for one that is turned or cropped already."""
        if self.upload is None or self.crop != WHOLE:
            return 0
        return extensions.engine_loader.engine.find_turn(extensions.uploads.read(self.upload), self.upload)

    def query(self, name: str) -> Query:
        """Embed the picture. Raises UnknownItem, UploadExpired, BadImage, Overloaded."""
        engine = extensions.engine_loader.engine
        if self.item is not None:
            return engine.query_item(name, self.item, self.crop)
        assert self.upload is not None
        data = extensions.uploads.read(self.upload)  # before the cache, which must not outlive the upload
        return engine.embed(data, digest=self.upload, crop=self.crop)

    def garments(self, name: str) -> list[Garment]:
        """Find the garments in the whole picture. Raises as `query`.

        Garments are found in upright pictures: in one that was turned, those of the likelier of both ways count.
        """
        ways = {turn: self._garments_at(name, turn) for turn in (0, self.crop.turn)}
        upright = max(ways, key=lambda turn: max((one.probability for one in ways[turn]), default=0.0))
        quarters = (self.crop.turn - upright) % 360 // 90
        return [one._replace(box=_turned(one.box, quarters)) for one in ways[upright]]

    def _garments_at(self, name: str, turn: int) -> list[Garment]:
        engine = extensions.engine_loader.engine
        if self.item is None:
            assert self.upload is not None
            return engine.find_garments(extensions.uploads.read(self.upload), self.upload, turn)
        collection = engine.collection(name)
        item = collection.item(self.item)
        if not item.sha256:  # imported without its image
            return []
        return engine.find_garments(collection.image_path(item), item.sha256, turn)


def _turned(box: Box, quarters: int) -> Box:
    """Return where a box lies once its picture is turned clockwise by so many quarters."""
    left, top, right, bottom = box
    for _ in range(quarters):
        left, top, right, bottom = 1 - bottom, left, 1 - top, right
    return left, top, right, bottom
