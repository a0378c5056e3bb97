"""Dynamic batching: concurrent requests share passes of the model, and indexing uses it in between."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

import numpy as np
from PIL import Image

from rpf.errors import Overloaded
from rpf.images.crop import WHOLE, Crop, CroppedImage
from rpf.images.decode import ENOUGH_SIDE, open_image
from rpf.inference.interface import Embedder, ImageEmbedding, ModelOutput, Observer

MAX_BACKGROUND_IMAGES = 8  # in one pass, for which a request may have to wait
PASSES_BEFORE_BACKGROUND = 4  # of requests, after which indexing gets its turn though more requests wait


@dataclass
class _Request:
    data: bytes
    attributes: Sequence[int]
    crop: Crop
    result: Future[ImageEmbedding] = field(default_factory=Future)
    image: Future[CroppedImage | None] | None = None  # set when its decoding is scheduled


class DynamicBatcher:
    """Batches concurrent requests in FIFO order; decoding overlaps inference.

    At most three batches of decoded images are in memory.
    """

    def __init__(
        self,
        model: Embedder,
        *,
        max_batch_size: int = 8,
        max_queue: int = 48,
        max_delay: float = 0.003,
        timeout: float = 60.0,
        decoders: int = 2,
        enough_side: int = ENOUGH_SIDE,
        observe: Observer = lambda stage, seconds: None,
    ) -> None:
        """Start the threads.

        max_queue: images in progress, above which requests are refused; max_delay: seconds that an idle model waits
        for images that are being decoded; timeout: seconds after which a request fails; decoders: threads;
        enough_side: of images that are not cropped (`open_image`).
        """
        self._model, self._observe = model, observe
        self._max_batch_size, self._max_queue = max_batch_size, max_queue
        self._max_delay, self._timeout, self._enough_side = max_delay, timeout, enough_side
        self._changed = threading.Condition()
        self._queue: deque[_Request] = deque()
        self._scheduled: deque[_Request] = deque()  # decoded, or being decoded
        self._background: deque[tuple[Sequence[Image.Image], Future[ModelOutput]]] = deque()
        self.pending = 0  # images that wait for the model or are in it
        self._decoders = ThreadPoolExecutor(decoders, "decode")
        threading.Thread(target=self._run, name="model", daemon=True).start()

    def embed(self, data: bytes, attributes: Sequence[int], crop: Crop = WHOLE) -> ImageEmbedding:
        """Embed an image, or a crop of it, for some of the model's attributes.

        Raises BadImage; Overloaded for a full queue or after the timeout.
        """
        request = _Request(data, attributes, crop)
        with self._changed:
            if self.pending >= self._max_queue:
                raise Overloaded("Too many searches are waiting; please try again in a moment.")
            self.pending += 1
            self._queue.append(request)
            self._schedule()
        try:
            return request.result.result(self._timeout)
        except TimeoutError:
            request.result.cancel()  # so that no pass is spent on it, if none has begun
            raise Overloaded("The search took too long; please try again in a moment.") from None
        finally:
            with self._changed:
                self.pending -= 1

    def embed_in_background(self, images: Sequence[Image.Image]) -> ModelOutput:
        """Embed up to MAX_BACKGROUND_IMAGES decoded images for all attributes, when no request needs the model.

        Under a load without a gap they get every fifth pass. There is no timeout: the caller is not a visitor.
        """
        if len(images) > MAX_BACKGROUND_IMAGES:
            raise ValueError(f"{len(images)} images are too many for one pass in the background")
        result: Future[ModelOutput] = Future()
        with self._changed:
            self._background.append((images, result))
            self._changed.notify()
        return result.result()

    def _schedule(self) -> None:
        """Start to decode the next requests. Called with the lock."""
        while self._queue and len(self._scheduled) < 2 * self._max_batch_size:
            request = self._queue.popleft()
            if not request.result.cancelled():
                request.image = self._decoders.submit(self._decode, request)
                self._scheduled.append(request)
                self._changed.notify()

    def _decode(self, request: _Request) -> CroppedImage | None:
        """Decode the image; None where that fails, which ends the request."""
        started = time.perf_counter()
        try:
            enough_side = self._enough_side if request.crop.is_whole else ENOUGH_SIDE
            image = request.crop.apply(open_image(request.data, enough_side))
        except BaseException as error:
            with suppress(InvalidStateError):  # it was cancelled
                request.result.set_exception(error)
            return None
        self._observe("decode", time.perf_counter() - started)
        return image

    def _run(self) -> None:
        passes = 0  # of requests, since the last one in the background
        while True:
            with self._changed:
                while not self._scheduled and not self._background:
                    self._changed.wait()
                waited = not self._scheduled or passes >= PASSES_BEFORE_BACKGROUND
                turn = self._background.popleft() if self._background and waited else None
            if turn is None:
                self._infer(self._next_batch())  # a local name would keep the last batch's images in memory
                passes += 1
            else:
                self._infer_background(*turn)
                del turn
                passes = 0

    def _infer_background(self, images: Sequence[Image.Image], result: "Future[ModelOutput]") -> None:
        try:
            result.set_result(self._model.embed(images))
        except BaseException as error:
            result.set_exception(error)

    def _infer(self, batch: list[tuple[_Request, CroppedImage]]) -> None:
        """Put one batch through the model, and set the results."""
        started = time.perf_counter()
        try:
            output = self._model.embed(
                [cropped.image for _, cropped in batch], [request.attributes for request, _ in batch]
            )
        except BaseException as error:
            for request, _ in batch:
                request.result.set_exception(error)
            return
        self._observe("model", time.perf_counter() - started)
        for row, (request, cropped) in enumerate(batch):
            presence = None if output.presence is None else output.presence[row]
            values = None if output.values is None else output.values[row].copy()
            embedding = output.embedding[row].copy()  # a view would keep the whole batch in the cache
            box = output.box[row] + np.array(2 * cropped.offset, np.int32)
            attention = output.attention[row].copy()
            request.result.set_result(ImageEmbedding(embedding, box, presence, values, cropped.whole, attention))

    def _next_batch(self) -> list[tuple[_Request, CroppedImage]]:
        """Wait for the oldest request, and take those behind it that are decoded within `max_delay`."""
        batch: list[tuple[_Request, CroppedImage]] = []
        deadline = 0.0
        while len(batch) < self._max_batch_size:
            with self._changed:
                if batch and not self._scheduled:
                    break
                while not self._scheduled:
                    self._changed.wait()
                request = self._scheduled[0]
            assert request.image
            try:
                image = request.image.result(max(0.0, deadline - time.monotonic()) if batch else None)
            except TimeoutError:
                break
            if image is not None and request.result.set_running_or_notify_cancel():
                batch.append((request, image))
                deadline = deadline or time.monotonic() + self._max_delay
            with self._changed:
                self._scheduled.popleft()
                self._schedule()
        return batch


class BackgroundEmbedder:
    """A model that is also used by requests, which go first."""

    def __init__(self, model: Embedder, batcher: DynamicBatcher) -> None:
        self.attributes, self.dim, self.checkpoint_hash = model.attributes, model.dim, model.checkpoint_hash
        self._batcher = batcher

    def embed(self, images: Sequence[Image.Image], wanted: Sequence[Sequence[int]] | None = None, /) -> ModelOutput:
        """Embed images for all attributes, as `DynamicBatcher.embed_in_background`."""
        return self._batcher.embed_in_background(images)
