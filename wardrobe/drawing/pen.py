"""Pen that draws cloth: shaded pieces, folds, seams, stitches, ribbed bands and buttons."""

import math
from collections.abc import Iterable, Iterator, Sequence
from contextlib import contextmanager
from itertools import pairwise

import numpy as np
import skia

from wardrobe.drawing.fold_mesh import Fold, fold_mesh
from wardrobe.drawing.geometry import Curve, Point, Warp, lerp, resample, trace_path
from wardrobe.drawing.wrinkles import CM_PER_PIXEL, TILE_PIXELS, wrinkle_light
from wardrobe.fabric.colours import Colour, argb, luminance, mix
from wardrobe.fabric.materials import Cloth

SRC_ATOP = skia.BlendMode.kSrcATop
_FILL = skia.Paint(AntiAlias=True)
_ERASE = skia.Paint(AntiAlias=True, BlendMode=skia.BlendMode.kClear)
_REPEAT = skia.TileMode.kRepeat


def blur(sigma: float) -> skia.MaskFilter:
    """Make a Gaussian blur for a paint."""
    return skia.MaskFilter.MakeBlur(skia.kNormal_BlurStyle, sigma)


class Pen:
    """Recorder of a garment, in cm; shadows fall only on what is already drawn, so they never leave the garment."""

    def __init__(self, warp: Warp, rng: np.random.Generator, pixel: float) -> None:
        """Start an empty recording; `pixel` is about the size of an image pixel in cm, for the thinnest lines."""
        self.warp = warp
        self.pixel = pixel
        self.outlines: list[skia.Path] = []  # of the garment's pieces
        self.supports: list[skia.Path] = []  # of the hanger or mannequin
        self._recorders = skia.PictureRecorder(), skia.PictureRecorder()
        self.canvas, self._stencil = (
            r.beginRecording(skia.Rect.MakeLTRB(-400, -400, 400, 400)) for r in self._recorders
        )
        self._drawing_support = False
        rotation, cm_per_texel = float(rng.uniform(-16, 16)), CM_PER_PIXEL * float(rng.uniform(0.65, 1.1))
        self._wrinkle_matrix = skia.Matrix.Concat(
            skia.Matrix.RotateDeg(rotation), skia.Matrix.Scale(cm_per_texel, cm_per_texel)
        )
        self._wrinkle_strength = float(rng.uniform(1.3, 1.7) if rng.random() < 0.12 else rng.uniform(0.6, 1.15))
        self._wrinkle_matrix.preTranslate(*rng.uniform(0, TILE_PIXELS, 2).tolist())

    def finish(self) -> tuple[skia.Picture, skia.Picture]:
        """Return the recorded drawing and its stencil, which is opaque where the garment is."""
        recording, stencil = (r.finishRecordingAsPicture() for r in self._recorders)
        return recording, stencil

    @contextmanager
    def clip(self, path: skia.Path) -> Iterator[None]:
        """Restrict drawing to a shape."""
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
        """Draw the garment's support: it is left out of the stencil and the outlines."""
        self._drawing_support = True
        try:
            yield
        finally:
            self._drawing_support = False

    def path(self, *curves: Curve, close: bool = True) -> skia.Path:
        """Trace a path through warped curves."""
        return trace_path(curves, self.warp, close)

    def piece(
        self, path: skia.Path, cloth: Cloth, angle: float = 0.0, shadow: float = 0.0, edge: float = 1.0
    ) -> skia.Path:
        """Draw a piece of cloth: its shadow on what is below (`shadow` cm high), the cloth, and its rounded edges."""
        canvas = self.canvas
        if shadow > 0:
            canvas.save()
            canvas.translate(0.2 * shadow, 0.55 * shadow)
            self._soft_stroke(path, argb((18, 14, 26), 0.40 * cloth.shadow_strength), 2.6 * shadow)
            canvas.restore()
        for paint in cloth.paint(angle):
            canvas.drawPath(path, paint)
        self._stencil.drawPath(path, _ERASE if self._drawing_support else _FILL)
        if self._drawing_support:
            self.supports.append(path)
        else:
            canvas.drawPath(path, self.wrinkle_paint(cloth))
            self.outlines.append(path)
        if edge > 0:
            self._round_edges(path, cloth, edge, 0.12 if 0 < shadow < 1.5 else 0.0)
        return path

    def wrinkle_paint(self, cloth: Cloth) -> skia.Paint:
        """Return the paint of the cloth's wrinkles, which run on from one piece of the garment to the next."""
        kind, tone, strength = cloth.wrinkles
        shader = wrinkle_light(kind, tone).makeShader(
            _REPEAT, _REPEAT, skia.SamplingOptions(skia.FilterMode.kLinear), self._wrinkle_matrix
        )
        return skia.Paint(Shader=shader, Alphaf=strength * self._wrinkle_strength, AntiAlias=True, BlendMode=SRC_ATOP)

    @contextmanager
    def print_on(self, path: skia.Path, cloth: Cloth) -> Iterator[skia.Canvas]:
        """Draw a print on a piece of cloth: the wrinkles are drawn over whatever the block draws on the canvas."""
        canvas = self.canvas
        canvas.save()
        canvas.clipPath(path, skia.ClipOp.kIntersect, True)
        canvas.saveLayer(None, skia.Paint(BlendMode=SRC_ATOP))
        try:
            yield canvas
        finally:
            canvas.drawPaint(self.wrinkle_paint(cloth))
            canvas.restore()
            canvas.restore()

    def _soft_stroke(self, path: skia.Path, colour: int, width: float, steps: int = 4) -> None:
        """Draw a line that fades to both sides, by strokes on strokes: many times faster than a blur."""
        alpha = skia.ColorGetA(colour) / 255
        paint = skia.Paint(Color=colour, Style=skia.Paint.kStroke_Style, BlendMode=SRC_ATOP, AntiAlias=True)
        paint.setStrokeCap(skia.Paint.kRound_Cap)
        paint.setAlphaf(1 - (1 - min(alpha, 0.95)) ** (1 / steps))
        for i in range(steps):
            paint.setStrokeWidth(width * (i + 1) / steps)
            self.canvas.drawPath(path, paint)

    def _round_edges(self, path: skia.Path, cloth: Cloth, edge: float, extra_opacity: float) -> None:
        """Shade the edges as if they turned away from the light, most at the lower right, with a faint outline."""
        canvas, light = self.canvas, luminance(cloth.colour)
        canvas.save()
        canvas.clipPath(path, skia.ClipOp.kIntersect, True)
        canvas.save()
        canvas.translate(-0.45 * edge, -0.45 * edge)
        self._soft_stroke(path, argb(cloth.shade, 0.24 * cloth.shadow_strength), 5.0 * edge)
        canvas.restore()
        line = skia.Paint(Style=skia.Paint.kStroke_Style, AntiAlias=True, StrokeWidth=3.4 * self.pixel)
        if light < 0.25:  # a rim of light, or black pieces on black would merge
            line.setColor(argb(mix(cloth.colour, (255, 255, 255), 0.55), 0.16))
            canvas.drawPath(path, line)
        line.setStrokeWidth(1.3 * self.pixel)
        line.setColor(argb(cloth.seam, extra_opacity + (0.55 if light < 0.25 else 0.42 if light > 0.8 else 0.34)))
        canvas.drawPath(path, line)
        canvas.restore()

    def folds(self, path: skia.Path, cloth: Cloth, folds: Iterable[Fold]) -> None:
        """Draw soft folds within a shape."""
        paint = skia.Paint(BlendMode=SRC_ATOP)
        with self.clip(path):
            for curve, width, strength in folds:
                mesh = fold_mesh([self.warp(p) for p in curve], width, strength, cloth)
                self.canvas.drawVertices(mesh, paint, skia.BlendMode.kDst)

    def tint(self, path: skia.Path, a: Point, b: Point, colours: Sequence[tuple[Colour, float]]) -> None:
        """Draw a colour gradient over a shape, from a to b; `colours` are (colour, opacity)."""
        shader = skia.GradientShader.MakeLinear([skia.Point(*a), skia.Point(*b)], [argb(c, t) for c, t in colours])
        self.canvas.drawPath(path, skia.Paint(Shader=shader, AntiAlias=True, BlendMode=SRC_ATOP))

    def line(self, curve: Curve, colour: Colour, width: float = 0.25, alpha: float = 0.8, dash: float = 0.0) -> None:
        """Draw a seam; with `dash` cm, a line of stitches."""
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
        self.canvas.drawPath(self.path(curve, close=False), paint)

    def crease(self, curve: Curve, cloth: Cloth, width: float = 1.0, alpha: float = 0.35) -> None:
        """Draw the soft shadow along a seam or below an edge, with its sharp line."""
        self._soft_stroke(
            self.path(curve, close=False), argb(cloth.shade, alpha * cloth.shadow_strength), 1.7 * width, 3
        )
        self.line(curve, cloth.seam, 0.16, 0.55)

    def stitches(self, curve: Curve, cloth: Cloth, colour: Colour | None = None, alpha: float = 0.6) -> None:
        """Draw a line of stitches."""
        self.line(curve, colour or cloth.seam, 0.16, alpha, dash=0.42)

    def band(
        self, one: Curve, other: Curve, cloth: Cloth, ribs: float = 0.0, shadow: float = 0.0, edge: float = 0.35
    ) -> skia.Path:
        """Draw a strip between two curves of the same direction, with a rib across it every `ribs` cm."""
        path = self.path(one, list(other)[::-1])
        self.piece(path, cloth, shadow=shadow, edge=edge)
        if ribs > 0:
            length = sum(math.dist(a, b) for a, b in pairwise(one))
            n = max(int(length / max(ribs, 2.3 * self.pixel)), 4)
            marks = skia.Path()
            for a, b in zip(resample(one, n), resample(other, n), strict=True):
                marks.moveTo(*self.warp(lerp(a, b, 0.04)))
                marks.lineTo(*self.warp(lerp(a, b, 0.96)))
            self.canvas.drawPath(
                marks,
                skia.Paint(
                    Color=argb(cloth.shade, 0.42 * cloth.shadow_strength),
                    Style=skia.Paint.kStroke_Style,
                    AntiAlias=True,
                    StrokeWidth=max(0.3, 0.8 * self.pixel),
                    BlendMode=SRC_ATOP,
                ),
            )
        return path

    def button(self, at: Point, colour: Colour, radius: float = 0.75) -> None:
        """Draw a round button with two holes."""
        x, y = self.warp(at)
        r = max(radius, 1.7 * self.pixel)
        canvas = self.canvas
        shadow = skia.Paint(Color=argb((10, 8, 14), 0.22), AntiAlias=True, BlendMode=SRC_ATOP)
        for radius_factor in (1.0, 1.25):
            canvas.drawCircle(x + 0.12 * r, y + 0.3 * r, r * radius_factor, shadow)
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
