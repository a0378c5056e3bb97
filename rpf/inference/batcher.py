"""Pictures that come at the same time share the model's passes."""

import threading
import time
from collections import deque
from collections.abc import Sequence
from concurrent.futures import Future, InvalidStateError, ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field

from PIL import Image

from rpf.errors import Overloaded
from rpf.images.decode import open_image
from rpf.inference.interface import ImageEmbedding, Model, Observer


@dataclass
class _Asked:
    data: bytes
    attributes: Sequence[int]
    answer: Future[ImageEmbedding] = field(default_factory=Future)
    picture: Future[Image.Image | None] | None = None  # once it is its turn to be decoded


class DynamicBatcher:
    """First come, first served: pictures are decoded while the model works on those before them, and what is ready
    when it becomes free goes into one pass. It holds no more decoded pictures than three passes take."""

    def __init__(
        self,
        model: Model,
        *,
        batch: int = 8,
        most: int = 48,
        decoders: int = 2,
        patience: float = 0.003,
        longest: float = 60.0,
        observe: Observer = lambda stage, seconds: None,
    ) -> None:
        """batch: pictures in a pass; most: that wait or are worked on at once; patience: seconds that a free model
        waits for pictures that are being decoded; longest: seconds that anybody waits."""
        self._model, self._batch, self._most = model, batch, most
        self._patience, self._longest, self._observe = patience, longest, observe
        self._changed = threading.Condition()
        self._waiting: deque[_Asked] = deque()
        self._next_ones: deque[_Asked] = deque()  # decoded, or being decoded
        self._inside = 0
        self._decoders = ThreadPoolExecutor(decoders, "decode")
        threading.Thread(target=self._run, name="model", daemon=True).start()

    @property
    def inside(self) -> int:
        """How many pictures wait or are worked on."""
        return self._inside

    def embed(self, data: bytes, attributes: Sequence[int]) -> ImageEmbedding:
        """Embed a picture for some of the model's attributes.

        Raises BadImage; Overloaded where too many wait already, or after the longest wait.
        """
        asked = _Asked(data, attributes)
        with self._changed:
            if self._inside >= self._most:
                raise Overloaded("Too many searches are waiting; please try again in a moment.")
            self._inside += 1
            self._waiting.append(asked)
            self._advance()
        try:
            return asked.answer.result(self._longest)
        except TimeoutError:
            asked.answer.cancel()  # who has gone is not worked for, if the work has not begun
            raise Overloaded("The search took too long; please try again in a moment.") from None
        finally:
            with self._changed:
                self._inside -= 1

    def _advance(self) -> None:
        """Let the next ones be decoded. Called with the lock."""
        while self._waiting and len(self._next_ones) < 2 * self._batch:
            asked = self._waiting.popleft()
            if not asked.answer.cancelled():
                asked.picture = self._decoders.submit(self._decode, asked)
                self._next_ones.append(asked)
                self._changed.notify()

    def _decode(self, asked: _Asked) -> Image.Image | None:
        """The picture; None where it is none, which is answered at once."""
        began = time.perf_counter()
        try:
            picture = open_image(asked.data)
        except BaseException as error:
            with suppress(InvalidStateError):  # who asked has gone
                asked.answer.set_exception(error)
            return None
        self._observe("decode", time.perf_counter() - began)
        return picture

    def _run(self) -> None:
        while True:
            self._answer(self._next())  # no local name, which would hold the last pass's images until the next one

    def _answer(self, taken: list[tuple[_Asked, Image.Image]]) -> None:
        """Put one pass through the model, and answer those who asked."""
        began = time.perf_counter()
        try:
            seen = self._model.embed([picture for _, picture in taken], [asked.attributes for asked, _ in taken])
        except BaseException as error:
            for asked, _ in taken:
                asked.answer.set_exception(error)
            return
        self._observe("model", time.perf_counter() - began)
        for row, (asked, picture) in enumerate(taken):
            presence = None if seen.presence is None else seen.presence[row]
            asked.answer.set_result(ImageEmbedding(seen.embedding[row].copy(), seen.box[row], presence, picture.size))

    def _next(self) -> list[tuple[_Asked, Image.Image]]:
        """The next pass: who has waited longest, and as many of those behind as are decoded by now or in a moment."""
        taken: list[tuple[_Asked, Image.Image]] = []
        until = 0.0
        while len(taken) < self._batch:
            with self._changed:
                if taken and not self._next_ones:
                    break
                while not self._next_ones:
                    self._changed.wait()
                asked = self._next_ones[0]
            assert asked.picture
            try:
                picture = asked.picture.result(max(0.0, until - time.monotonic()) if taken else None)
            except TimeoutError:
                break
            if picture is not None and asked.answer.set_running_or_notify_cancel():
                taken.append((asked, picture))
                until = until or time.monotonic() + self._patience
            with self._changed:
                self._next_ones.popleft()
                self._advance()
        return taken
