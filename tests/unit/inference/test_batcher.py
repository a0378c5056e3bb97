"""Real pictures, and a model that can be told to wait: what shares a pass, who is refused, who waits how long."""

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
from rpf.inference.batcher import DynamicBatcher


class Shown:
    """What `Model.embed` gives: each picture's mean colour, for three attributes."""

    def __init__(self, pictures: Sequence[Image.Image]) -> None:
        means = np.stack([np.asarray(picture, np.float32).mean(axis=(0, 1)) for picture in pictures])
        self.embedding = np.repeat(means[:, None], 3, axis=1)
        self.box = np.zeros((len(pictures), 3, 4), np.int32)
        self.presence = None


class Model:
    """Passes when it is let, and keeps what came."""

    def __init__(self) -> None:
        self.passes: list[int] = []
        self.shades: list[int] = []
        self.images: list[weakref.ref[Image.Image]] = []
        self.let = threading.Event()
        self.let.set()
        self.broken = False

    def embed(self, pictures: Sequence[Image.Image], wanted: Sequence[Sequence[int]], /) -> Any:
        self.passes.append(len(pictures))
        self.images += map(weakref.ref, pictures)
        self.shades += [picture.getpixel((0, 0))[0] for picture in pictures]  # type: ignore[index]
        self.let.wait(10)
        if self.broken:
            raise MemoryError
        return Shown(pictures)


def picture(shade: int) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (32, 48), (shade, shade, shade)).save(out, "PNG")
    return out.getvalue()


def until(condition: Any) -> None:
    deadline = time.monotonic() + 10
    while not condition():
        assert time.monotonic() < deadline
        time.sleep(0.002)


def test_one_alone_waits_for_nobody() -> None:
    model = Model()
    seen = DynamicBatcher(model).embed(picture(7), [0])
    assert (seen.embedding == 7).all()
    assert seen.size == (32, 48)
    assert model.passes == [1]


def test_images_of_an_answered_pass_are_freed() -> None:
    model = Model()
    DynamicBatcher(model).embed(picture(7), [0])
    until(lambda: model.images[0]() is None)


def test_what_comes_while_the_model_works_shares_the_next_passes_and_everybody_gets_their_own() -> None:
    model, shades = Model(), range(1, 21)
    batcher = DynamicBatcher(model, batch=8)
    model.let.clear()
    with ThreadPoolExecutor(20) as pool:
        answers = [pool.submit(batcher.embed, picture(shade), [0]) for shade in shades]
        until(lambda: batcher.inside == 20 and model.passes)
        model.let.set()
        for shade, answer in zip(shades, answers, strict=True):
            assert (answer.result(10).embedding == shade).all()
    assert sum(model.passes) == 20
    assert max(model.passes) <= 8
    assert len(model.passes) <= 6
    assert batcher.inside == 0


def test_who_comes_first_is_served_first() -> None:
    model = Model()
    batcher = DynamicBatcher(model, batch=2)
    model.let.clear()
    with ThreadPoolExecutor(12) as pool:
        for shade in range(12):
            pool.submit(batcher.embed, picture(shade), [0])
            until(lambda shade=shade: batcher.inside == shade + 1)
        model.let.set()
    assert model.shades == list(range(12))


def test_more_than_may_wait_are_refused_at_once_and_their_places_are_free_again_later() -> None:
    model = Model()
    batcher = DynamicBatcher(model, most=4)
    model.let.clear()
    with ThreadPoolExecutor(4) as pool:
        inside = [pool.submit(batcher.embed, picture(shade), [0]) for shade in range(4)]
        until(lambda: batcher.inside == 4)
        began = time.monotonic()
        with pytest.raises(Overloaded, match="Too many searches"):
            batcher.embed(picture(9), [0])
        assert time.monotonic() - began < 5  # and not the longest wait
        model.let.set()
        assert [answer.result(10).size for answer in inside] == [(32, 48)] * 4
    assert (batcher.embed(picture(9), [0]).embedding == 9).all()


def test_who_waits_too_long_is_told_and_not_worked_for() -> None:
    model = Model()
    batcher = DynamicBatcher(model, batch=1, longest=0.2)
    model.let.clear()
    with ThreadPoolExecutor(3) as pool:
        late = [pool.submit(batcher.embed, picture(shade), [0]) for shade in range(3)]
        for answer in late:
            with pytest.raises(Overloaded, match="too long"):
                answer.result(10)
    model.let.set()
    until(lambda: batcher.inside == 0)
    assert (batcher.embed(picture(5), [0]).embedding == 5).all()
    assert len(model.passes) == 2  # the one that was in it, and the last


def test_what_is_no_picture_fails_alone() -> None:
    model = Model()
    batcher = DynamicBatcher(model)
    model.let.clear()
    with ThreadPoolExecutor(3) as pool:
        good = [pool.submit(batcher.embed, picture(shade), [0]) for shade in (1, 2)]
        bad = pool.submit(batcher.embed, b"no picture", [0])
        with pytest.raises(BadImage):
            bad.result(10)
        model.let.set()
        assert [float(answer.result(10).embedding[0, 0]) for answer in good] == [1, 2]
    assert batcher.inside == 0


def test_a_pass_that_fails_is_everybodys_in_it_and_the_next_goes_on() -> None:
    model = Model()
    batcher = DynamicBatcher(model)
    model.broken = True
    with pytest.raises(MemoryError):
        batcher.embed(picture(1), [0])
    model.broken = False
    assert (batcher.embed(picture(2), [0]).embedding == 2).all()
    assert batcher.inside == 0


def test_the_times_of_decoding_and_of_passes_are_told() -> None:
    told: list[str] = []
    DynamicBatcher(Model(), observe=lambda stage, seconds: told.append(stage)).embed(picture(1), [0])
    assert told == ["decode", "model"]
