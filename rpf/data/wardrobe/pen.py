"""Drawing cloth: shapes with edges that turn away from the light, folds, seams, stitches, ribs and buttons."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import skia

from rpf.data.wardrobe.cloth import Cloth
from rpf.data.wardrobe.colours import Colour, argb, mix
from rpf.data.wardrobe.geometry import Point, Run, Warp, lerp, offset, resampled, trace

SRC_ATOP = skia.BlendMode.kSrcATop
_FILL = skia.Paint(AntiAlias=True)
_ERASE = skia.Paint(AntiAlias=True, BlendMode=skia.BlendMode.kClear)


def blur(sigma: float) -> skia.MaskFilter:
    return skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, sigma)


class Pen:
    """Records a garment in centimetres. Shadows fall only on what is drawn already, so they never leave the garment."""

    def __init__(self, warp: Warp, rng: np.random.Generator, pixel: float) -> None:
        """`pixel`: about how many centimetres a pixel of the finished picture is, for the thinnest lines."""
        self.warp = warp
        self.rng = rng
        self.pixel = pixel
        self.outlines: list[skia.Path] = []  # of the garment's pieces
        self._recorders = skia.PictureRecorder(), skia.PictureRecorder()
        self.canvas, self._stencil = (r.beginRecording(skia.Rect.MakeLTRB(-400, -400, 400, 400)) for r in self._recorders)
        self._foreign = False

    def finish(self) -> tuple[skia.Picture, skia.Picture]:
        """What was drawn, and the same as a stencil: opaque where the garment is."""
        picture, stencil = (r.finishRecordingAsPicture() for r in self._recorders)
        return picture, stencil

    @contextmanager
    def clip(self, path: skia.Path) -> Iterator[None]:
        """Within it, nothing is drawn outside of a shape."""
        for canvas in (self.canvas, self._stencil):
            canvas.save()
            canvas.clipPath(path, skia.ClipOp.kIntersect, True)
        try:
            yield
        finally:
            for canvas in (self.canvas, self._stencil):
                canvas.restore()

    @contextmanager
    def support(self) -> Iterator[None]:
        """Within it, what is drawn holds the garment and is no part of it."""
        self._foreign = True
        try:
            yield
        finally:
            self._foreign = False

    def path(self, *runs: Run, close: bool = True) -> skia.Path:
        return trace(runs, self.warp, close)

    def piece(
        self, path: skia.Path, cloth: Cloth, angle: float = 0.0, shadow: float = 0.0, edge: float = 1.0
    ) -> skia.Path:
        """Lays a piece of cloth: its shadow on what is beneath (`shadow` cm high), the cloth, and its round edges."""
        canvas = self.canvas
        if shadow > 0:
            canvas.save()
            canvas.translate(0.25 * shadow, 0.8 * shadow)
            canvas.drawPath(
                path,
                skia.Paint(
                    Color=argb((18, 14, 26), 0.42 * cloth.dark),
                    MaskFilter=blur(0.75 * shadow),
                    BlendMode=SRC_ATOP,
                    AntiAlias=True,
                ),
            )
            canvas.restore()
        for paint in cloth.paint(angle):
            canvas.drawPath(path, paint)
        self._stencil.drawPath(path, _ERASE if self._foreign else _FILL)
        if not self._foreign:
            self.outlines.append(path)
        if edge > 0:
            self._round_edges(path, cloth, edge, 0.75 if 0 < shadow < 1.5 else 0.5)
        return path

    def _round_edges(self, path: skia.Path, cloth: Cloth, edge: float, line: float) -> None:
        canvas = self.canvas
        canvas.save()
        canvas.clipPath(path, skia.ClipOp.kIntersect, True)
        for shift, width, colour, alpha in (
            (-0.7, 4.6, cloth.shade, 0.26 * cloth.dark),
            (0.8, 2.6, (255, 255, 255), 0.22 * cloth.light),
        ):
            canvas.save()
            canvas.translate(shift * edge, shift * edge)
            canvas.drawPath(
                path,
                skia.Paint(
                    Color=argb(colour, alpha),
                    Style=skia.Paint.kStroke_Style,
                    StrokeWidth=width * edge,
                    MaskFilter=blur(1.3 * edge),
                    AntiAlias=True,
                ),
            )
            canvas.restore()
        canvas.drawPath(
            path,
            skia.Paint(
                Color=argb(cloth.seam, line),
                Style=skia.Paint.kStroke_Style,
                StrokeWidth=1.2 * self.pixel,
                AntiAlias=True,
            ),
        )
        canvas.restore()

    def folds(self, path: skia.Path, cloth: Cloth, folds: Iterable[tuple[Run, float, float]]) -> None:
        """Soft folds within a shape: each a run along its hollow, its width in cm and its strength 0..1."""
        soft = blur(0.75)
        dark = skia.Paint(Color=argb(cloth.shade), AntiAlias=True, MaskFilter=soft)
        bright = skia.Paint(Color=argb((255, 255, 255)), AntiAlias=True, MaskFilter=soft)
        canvas = self.canvas
        with self.clip(path):
            for run, width, strength in folds:
                canvas.drawPath(
                    self._blade(offset(run, -width * 0.75), width), _alpha(bright, 0.42 * strength * cloth.light)
                )
                canvas.drawPath(self._blade(run, width), _alpha(dark, 0.40 * strength * cloth.dark))

    def _blade(self, run: Run, width: float) -> skia.Path:
        """A shape along a run that is thin at both ends."""
        points = resampled(run, 5)
        width = min(width, 0.2 * sum(math.dist(a, b) for a, b in pairwise(run)))
        bulges = (0.0, 0.42, 0.5, 0.36, 0.0)
        normals = [offset(points, width * b)[i] for i, b in enumerate(bulges)]
        others = [offset(points, -width * b)[i] for i, b in enumerate(bulges)]
        return self.path(normals, others[::-1])

    def tint(self, path: skia.Path, a: Point, b: Point, colours: Sequence[tuple[Colour, float]]) -> None:
        """A soft change of light over a shape, from a to b."""
        shader = skia.GradientShader.MakeLinear([skia.Point(*a), skia.Point(*b)], [argb(c, t) for c, t in colours])
        self.canvas.drawPath(path, skia.Paint(Shader=shader, AntiAlias=True, BlendMode=SRC_ATOP))

    def line(self, run: Run, colour: Colour, width: float = 0.25, alpha: float = 0.8, dash: float = 0.0) -> None:
        """A seam; with `dash` cm, a line of stitches."""
        paint = skia.Paint(
            Color=argb(colour, alpha),
            Style=skia.Paint.kStroke_Style,
            AntiAlias=True,
            StrokeWidth=max(width, 0.9 * self.pixel),
            StrokeCap=skia.Paint.kRound_Cap,
            BlendMode=SRC_ATOP,
        )
        if dash > 0:
            dash = max(dash, 1.6 * self.pixel)
            paint.setPathEffect(skia.DashPathEffect.Make([dash, dash * 0.8], 0))
        self.canvas.drawPath(self.path(run, close=False), paint)

    def crease(self, run: Run, cloth: Cloth, width: float = 1.0, alpha: float = 0.35) -> None:
        """The soft shadow along a seam or beneath an edge, with its crisp line."""
        path = self.path(run, close=False)
        self.canvas.drawPath(
            path,
            skia.Paint(
                Color=argb(cloth.shade, alpha * cloth.dark),
                Style=skia.Paint.kStroke_Style,
                StrokeWidth=width,
                MaskFilter=blur(width * 0.45),
                BlendMode=SRC_ATOP,
                AntiAlias=True,
            ),
        )
        self.line(run, cloth.seam, 0.2, 0.8)

    def stitches(self, run: Run, cloth: Cloth, colour: Colour | None = None, alpha: float = 0.6) -> None:
        self.line(run, colour or cloth.seam, 0.16, alpha, dash=0.42)

    def band(
        self, one: Run, other: Run, cloth: Cloth, ribs: float = 0.0, shadow: float = 0.0, edge: float = 0.35
    ) -> skia.Path:
        """A strip between two runs that go the same way, with ribs across it every `ribs` cm."""
        path = self.path(one, list(other)[::-1])
        self.piece(path, cloth, shadow=shadow, edge=edge)
        if ribs > 0:
            length = sum(math.dist(a, b) for a, b in pairwise(one))
            n = max(int(length / max(ribs, 2.3 * self.pixel)), 4)
            marks = skia.Path()
            for a, b in zip(resampled(one, n), resampled(other, n), strict=True):
                marks.moveTo(*self.warp(lerp(a, b, 0.04)))
                marks.lineTo(*self.warp(lerp(a, b, 0.96)))
            self.canvas.drawPath(
                marks,
                skia.Paint(
                    Color=argb(cloth.shade, 0.42 * cloth.dark),
                    Style=skia.Paint.kStroke_Style,
                    AntiAlias=True,
                    StrokeWidth=max(0.3, 0.8 * self.pixel),
                    BlendMode=SRC_ATOP,
                ),
            )
        return path

    def button(self, at: Point, colour: Colour, radius: float = 0.75) -> None:
        x, y = self.warp(at)
        r = max(radius, 1.7 * self.pixel)
        canvas = self.canvas
        canvas.drawCircle(
            x + 0.12 * r,
            y + 0.35 * r,
            r,
            skia.Paint(Color=argb((10, 8, 14), 0.45), MaskFilter=blur(0.3 * r), AntiAlias=True, BlendMode=SRC_ATOP),
        )
        canvas.drawCircle(x, y, r, skia.Paint(Color=argb(colour), AntiAlias=True))
        rim = skia.Paint(Color=argb(mix(colour, (0, 0, 0), 0.4)), AntiAlias=True, Style=skia.Paint.kStroke_Style)
        rim.setStrokeWidth(r * 0.16)
        canvas.drawCircle(x, y, r * 0.92, rim)
        canvas.drawCircle(
            x - 0.3 * r, y - 0.35 * r, r * 0.28, skia.Paint(Color=argb((255, 255, 255), 0.35), AntiAlias=True)
        )
        hole = skia.Paint(Color=argb(mix(colour, (0, 0, 0), 0.6)), AntiAlias=True)
        for dx in (-0.25, 0.25):
            canvas.drawCircle(x + dx * r, y + 0.1 * r, r * 0.13, hole)


def _alpha(paint: skia.Paint, alpha: float) -> skia.Paint:
    paint.setAlphaf(min(alpha, 1.0))
    return paint
