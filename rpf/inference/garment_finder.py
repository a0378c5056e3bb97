"""Garments in pictures of a search: found on demand, and kept by the hash of the picture's bytes."""

import threading
from collections import OrderedDict
from pathlib import Path

from rpf.images.crop import Crop
from rpf.images.decode import open_image
from rpf.models.base import TwoBranchModel
from rpf.models.garment_detector import SIDE, Garment, padded_square

MAX_PICTURES = 256


class GarmentFinder:
    """Finds the garments in pictures. Safe to use from several threads, one of which computes at a time."""

    def __init__(self, model: TwoBranchModel) -> None:
        self._model = model
        self._lock = threading.Lock()  # of what is known; no thread waits for the model to look that up
        self._computing = threading.Lock()  # or as many large images are in memory at once as the site has threads
        self._garments: OrderedDict[tuple[str, int], list[Garment]] = OrderedDict()

    def find(self, source: bytes | Path, digest: str, turn: int = 0) -> list[Garment]:
        """Find the garments in a picture that is turned by so many degrees: shares of its sides, the likeliest first.

        digest: of the bytes; a picture that is known is not read. Empty for a model without a detector. Raises
        BadImage; OSError when a path cannot be read.
        """
        detector = self._model.detector
        if detector is None:
            return []
        with self._lock:
            garments = self._garments.get((digest, turn))
        if garments is None:
            with self._computing:
                square, place = padded_square(Crop(turn=turn).apply(open_image(source, 2 * SIDE)).image)
                [garments] = detector.find(self._model.tensor([square]), [place])
        with self._lock:
            self._garments[digest, turn] = garments
            self._garments.move_to_end((digest, turn))
            while len(self._garments) > MAX_PICTURES:
                self._garments.popitem(last=False)
        return garments
