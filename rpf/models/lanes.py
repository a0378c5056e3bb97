"""Lanes: copies of a model that share its weights and compute side by side, an image each.

Threads that share an image wait for each other after each layer, and all but one while PyTorch and Pillow compute.
"""

from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from queue import SimpleQueue
from typing import TYPE_CHECKING

import torch
from PIL import Image

from rpf.models.output import TwoBranchOutput, concatenate

if TYPE_CHECKING:
    from rpf.models.base import TwoBranchModel


class Lanes:
    """Spreads images over the copies of a model. Safe to use from several threads."""

    def __init__(self, models: Sequence["TwoBranchModel"]) -> None:
        self._idle: SimpleQueue[TwoBranchModel] = SimpleQueue()
        for model in models:
            self._idle.put(model)
        self._pool = ThreadPoolExecutor(len(models), "lane", torch.set_num_threads, (1,))

    def embed(
        self, images: Sequence[Image.Image], wanted: Sequence[Sequence[int]] | None, skip_missing: bool
    ) -> TwoBranchOutput:
        """Embed images as `TwoBranchModel.embed`."""

        def embed_one(at: int) -> TwoBranchOutput:
            model = self._idle.get()
            try:
                return model.embed(images[at : at + 1], wanted and wanted[at : at + 1], skip_missing)
            finally:
                self._idle.put(model)

        return concatenate(list(self._pool.map(embed_one, range(len(images)))))
