"""Pictures in an address: an item of the collection or an upload, and the crop of it that a search is for."""

from collections.abc import Mapping
from dataclasses import dataclass, replace
from typing import Any

from rpf.engine import WHOLE, Crop, Query
from webapp import extensions

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
            crop = ",".join(f"{args.get(side) or 'missing'}e-2" for side in SIDES)
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
