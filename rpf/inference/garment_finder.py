"""Garments in pictures of visitors: found on demand, and kept by the hash of the picture's bytes."""

import threading
from collections import OrderedDict

from rpf.images.crop import Crop
from rpf.images.decode import open_image
from rpf.models.base import TwoBranchModel
from rpf.models.garment_detector import Garment, padded_square

MAX_PICTURES = 256


class GarmentFinder:
    """Finds the garments in pictures. Safe to use from several threads, one of which computes at a time."""

    def __init__(self, model: TwoBranchModel) -> None:
        self._model, self._lock = model, threading.Lock()
        self._garments: OrderedDict[tuple[str, int], list[Garment]] = OrderedDict()

    def find(self, data: bytes, digest: str, turn: int = 0) -> list[Garment]:
        """Find the garments in a picture that is turned by so many degrees, the likeliest first.

        digest: of the bytes. Empty for a model without a detector. Raises BadImage.
        """
        if self._model.detector is None:
            return []
        with self._lock:
            garments = self._garments.get((digest, turn))
            if garments is None:
                square, place = padded_square(Crop(turn=turn).apply(open_image(data)).image)
                [garments] = self._model.detector.find(self._model.tensor([square]), [place])
            self._garments[digest, turn] = garments
            self._garments.move_to_end((digest, turn))
            while len(self._garments) > MAX_PICTURES:
                self._garments.popitem(last=False)
        return garments
