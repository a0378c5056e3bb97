"""DynamicBatcher with real images and a model that can be held: batches, order, refusals, timeouts."""

import io
import threading
import time
import weakref
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import numpy as np
import pytest
from PIL import Image

from rpf.errors import BadImage, Overloaded
from rpf.images.crop import Crop
from rpf.inference.batcher import DynamicBatcher


class MeanColours:
    """Output of `HeldModel`: each image's mean colour, for three attributes."""

    def __init__(self, images: Sequence[Image.Image]) -> None:
        means = np.stack([np.asarray(image, np.float32).mean(axis=(0, 1)) for image in images])
        self.embedding = np.repeat(means[:, None], 3, axis=1)
        self.box = np.zeros((len(images), 3, 4), np.int32)
        self.attention = np.full((len(images), 3, 2, 2), 0.25, np.float32)
        self.presence = self.values = None


class HeldModel:
    """A model whose passes wait for `released`; it records what it gets."""

    attributes, dim, checkpoint_hash = ("a", "b", "c"), 3, ""

    def __init__(self) -> None:
        self.batch_sizes: list[int] = []
        self.shades: list[int] = []
        self.images: list[weakref.ref[Image.Image]] = []
        self.released = threading.Event()
        self.released.set()
        self.broken = False

    def embed(self, images: Sequence[Image.Image], wanted: Sequence[Sequence[int]] | None = None, /) -> Any:
        self.batch_sizes.append(len(images))
        self.images += map(weakref.ref, images)
        self.shades += [image.getpixel((0, 0))[0] for image in images]  # type: ignore[index]
        self.released.wait(10)
        if self.broken:
            raise MemoryError
        return MeanColours(images)


def grey(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 48), (shade, shade, shade)).save(out, "PNG")
    return out.getvalue()


def test_whole_images_are_reduced_to_what_is_enough_and_crops_are_cut_from_all_pixels() -> None:
    model, out = HeldModel(), io.BytesIO()
    Image.new("RGB", (1000, 800), (9, 9, 9)).save(out, "JPEG")
    batcher = DynamicBatcher(model, enough_side=200)
    assert batcher.embed(out.getvalue(), [0]).size == (250, 200)
    assert batcher.embed(out.getvalue(), [0], Crop(turn=90)).size == (200, 250)
    assert batcher.embed(out.getvalue(), [0], Crop(0.25, 0.25, 0.5, 0.5)).size == (1000, 800)


def until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_single_request_is_a_batch_of_one() -> None:
    model = HeldModel()
    image = DynamicBatcher(model).embed(grey(7), [0])
    assert (image.embedding == 7).all()
    assert image.size == (32, 48)
    assert model.batch_sizes == [1]


def test_images_are_freed_after_their_batch() -> None:
    model = HeldModel()
    DynamicBatcher(model).embed(grey(7), [0])
    until(lambda: model.images[0]() is None)


def test_concurrent_requests_share_batches_and_get_their_own_results() -> None:
    model, shades = HeldModel(), range(1, 21)
    batcher = DynamicBatcher(model, max_batch_size=8)
    model.released.clear()
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(batcher.embed, grey(shade), [0]) for shade in shades]
        until(lambda: batcher.pending == 20 and model.batch_sizes)
        model.released.set()
        for shade, answer in zip(shades, answers, strict=True):
            assert (answer.result(10).embedding == shade).all()
    assert sum(model.batch_sizes) == 20
    assert max(model.batch_sizes) <= 8
    assert len(model.batch_sizes) <= 6
    assert batcher.pending == 0


def test_requests_are_served_in_order() -> None:
    model = HeldModel()
    batcher = DynamicBatcher(model, max_batch_size=2)
    model.released.clear()
    with ThreadPoolExecutor(12) as pool:
        for shade in range(12):
            pool.submit(batcher.embed, grey(shade), [0])
            until(lambda shade=shade: batcher.pending == shade + 1)
        model.released.set()
    assert model.shades == list(range(12))


def test_full_queue_refuses_immediately_and_accepts_again_later() -> None:
    model = HeldModel()
    batcher = DynamicBatcher(model, max_queue=4)
    model.released.clear()
    with ThreadPoolExecutor(4) as pool:
        accepted = [pool.submit(batcher.embed, grey(shade), [0]) for shade in range(4)]
        until(lambda: batcher.pending == 4)
        began = time.monotonic()
        with pytest.raises(Overloaded, match="Too many searches"):
            batcher.embed(grey(9), [0])
        assert time.monotonic() - began < 5  # and not the timeout
        model.released.set()
        assert [answer.result(10).size for answer in accepted] == [(32, 48)] * 4
    assert (batcher.embed(grey(9), [0]).embedding == 9).all()


def test_request_past_its_timeout_fails_and_costs_no_pass() -> None:
    model = HeldModel()
    batcher = DynamicBatcher(model, max_batch_size=1, timeout=0.2)
    model.released.clear()
    with ThreadPoolExecutor(3) as pool:
        late = [pool.submit(batcher.embed, grey(shade), [0]) for shade in range(3)]
        for answer in late:
            with pytest.raises(Overloaded, match="too long"):
                answer.result(10)
    model.released.set()
    until(lambda: batcher.pending == 0)
    assert (batcher.embed(grey(5), [0]).embedding == 5).all()
    assert len(model.batch_sizes) == 2  # the one that was in it, and the last


def test_file_that_is_no_image_fails_alone() -> None:
    model = HeldModel()
    batcher = DynamicBatcher(model)
    model.released.clear()
    with ThreadPoolExecutor(3) as pool:
        good = [pool.submit(batcher.embed, grey(shade), [0]) for shade in (1, 2)]
        bad = pool.submit(batcher.embed, b"no image", [0])
        with pytest.raises(BadImage):
            bad.result(10)
        model.released.set()
        assert [float(answer.result(10).embedding[0, 0]) for answer in good] == [1, 2]
    assert batcher.pending == 0


def test_failing_pass_fails_its_requests_and_the_next_works() -> None:
    model = HeldModel()
    batcher = DynamicBatcher(model)
    model.broken = True
    with pytest.raises(MemoryError):
        batcher.embed(grey(1), [0])
    model.broken = False
    assert (batcher.embed(grey(2), [0]).embedding == 2).all()
    assert batcher.pending == 0


def test_decoding_and_passes_are_observed() -> None:
    stages: list[str] = []
    DynamicBatcher(HeldModel(), observe=lambda stage, seconds: stages.append(stage)).embed(grey(1), [0])
    assert stages == ["decode", "model"]


def test_indexing_gets_the_passes_that_requests_leave_and_one_in_five_of_a_full_load() -> None:
    model = HeldModel()
    batcher = DynamicBatcher(model, max_batch_size=1)
    with pytest.raises(ValueError, match="too many"):
        batcher.embed_in_background([Image.new("RGB", (32, 48))] * 9)
    model.released.clear()
    with ThreadPoolExecutor(8) as pool:
        first = pool.submit(batcher.embed, grey(1), [0])
        until(lambda: model.shades)  # in the model
        background = [
            pool.submit(batcher.embed_in_background, [Image.new("RGB", (32, 48), (shade,) * 3)] * 2)
            for shade in (101, 102)
        ]
        until(lambda: len(batcher._background) == 2)
        requests = [pool.submit(batcher.embed, grey(shade), [0]) for shade in range(2, 6)]
        until(lambda: batcher.pending == 5)
        model.released.set()
        outputs = [one.result(10) for one in background]
        embedded = [one.result(10).embedding[0, 0] for one in (first, *requests)]
    turns = [model.shades.index(shade) for shade in (101, 102)]
    assert min(turns) == 4 and max(turns) > 5  # after four requests; then when no request waits
    assert sorted(output.embedding[0, 0, 0] for output in outputs) == [101, 102]
    assert sorted(embedded) == [1, 2, 3, 4, 5]


def test_indexing_gets_the_error_of_the_model() -> None:
    model = HeldModel()
    model.broken = True
    with pytest.raises(MemoryError):
        DynamicBatcher(model).embed_in_background([Image.new("RGB", (32, 48))])
