"""What else lies or stands at the edges of a photograph. It is drawn before the garment, so it never covers it."""

import math
from collections.abc import Callable

import numpy as np
import skia

from rpf.data.wardrobe.cloth.colours import Colour, argb, mix, rgb
from rpf.data.wardrobe.pen.pen import Pen, blur
from rpf.data.wardrobe.scenes.camera import View

Thing = Callable[[skia.Canvas, np.random.Generator], None]
COLOURS = (
    "2b2b30", "e9e6df", "8a5a36", "b23a3a", "2f5d8a", "d9c3a0", "5d6b58", "c9a3b4", "f2f1ef", "6f4a8a", "e3b23c",
    "44464c",
)  # fmt: skip


def draw_clutter(canvas: skia.Canvas, view: View, setting: str, rng: np.random.Generator) -> None:
    """None to three things, each half outside of the picture."""
    things = FLAT if setting == "flat" else UPRIGHT
    for _ in range(int(rng.choice([0, 0, 0, 1, 1, 2, 3]))):
        thing = things[rng.integers(len(things))]
        x, y, inward = _edge_point(view, rng)
        canvas.save()
        canvas.translate(x, y)
        # Upright things stand straight at the picture's sides; what lies points any way.
        canvas.rotate(math.degrees(inward) + float(rng.normal(0, 28)) if setting == "flat" else 0.0)
        thing(canvas, rng)
        canvas.restore()


def _edge_point(view: View, rng: np.random.Generator) -> tuple[float, float, float]:
    """A point on the picture's edge in centimetres, and the direction from there to the picture's middle."""
    w, h = view.size
    back = skia.Matrix()
    view.matrix.invert(back)
    t, side = float(rng.uniform(0.05, 0.95)), int(rng.integers(4))
    at = ((w * t, 0.0), (w * t, float(h)), (0.0, h * t), (float(w), h * t))[side]
    p, middle = back.mapPoints([skia.Point(*at), skia.Point(w / 2, h / 2)])
    return p.x(), p.y(), math.atan2(middle.y() - p.y(), middle.x() - p.x())


def draw_neighbour(
    canvas: skia.Canvas, view: View, pen: Pen, setting: str, edges: tuple[float, float], rng: np.random.Generator
) -> None:
    """Another garment, mostly outside of the picture. `edges`: the left and right ends of the first one, in pixels."""
    drawn, _ = pen.finish()
    whole = skia.Path()
    for outline in pen.outlines:
        whole.addPath(outline)
    box, (w, h) = whole.getBounds(), view.size
    scale = float(view.matrix.mapRadius(1.0))
    left = edges[0] > w - edges[1]
    free = max(edges[0], w - edges[1], 0.1 * w)
    show = min(float(rng.uniform(0.10, 0.22)) * w, free + 0.04 * w)
    turn = 0.0 if setting != "flat" else float(rng.uniform(-25, 25))
    high = float(view.matrix.mapXY(0.0, 0.0).y()) if setting != "flat" else float(rng.uniform(0.0, 0.5)) * h
    canvas.save()
    canvas.translate(show - scale * box.right() if left else w - show - scale * box.left(), high)
    canvas.rotate(turn)
    canvas.scale(scale, scale)
    shadow = skia.ImageFilters.DropShadow(0.6, 1.6, 1.4, 1.4, argb((20, 16, 24), 0.5))
    canvas.saveLayer(None, skia.Paint(ImageFilter=shadow))
    canvas.drawPicture(drawn)
    canvas.restore()
    canvas.restore()


def _colour(rng: np.random.Generator) -> Colour:
    return mix(rgb(COLOURS[rng.integers(len(COLOURS))]), (128, 120, 112), float(rng.uniform(0, 0.2)))


def _solid(canvas: skia.Canvas, path: skia.Path, colour: Colour, high: float = 1.5) -> None:
    """A thing with its shadow, its colour, a lit and a dark edge."""
    canvas.save()
    canvas.translate(0.4 * high, 0.8 * high)
    canvas.drawPath(path, skia.Paint(Color=argb((14, 12, 18), 0.42), MaskFilter=blur(0.8 * high), AntiAlias=True))
    canvas.restore()
    box = path.getBounds()
    light = skia.GradientShader.MakeLinear(
        [skia.Point(box.left(), box.top()), skia.Point(box.right(), box.bottom())],
        [argb(mix(colour, (255, 255, 255), 0.2)), argb(colour), argb(mix(colour, (15, 12, 18), 0.35))],
    )
    canvas.drawPath(path, skia.Paint(Shader=light, AntiAlias=True))
    rim = skia.Paint(
        Color=argb(mix(colour, (10, 8, 12), 0.6), 0.6), Style=skia.Paint.kStroke_Style, StrokeWidth=0.25, AntiAlias=True
    )
    canvas.drawPath(path, rim)


def _oval(x: float, y: float, rx: float, ry: float) -> skia.Path:
    path = skia.Path()
    path.addOval(skia.Rect.MakeLTRB(x - rx, y - ry, x + rx, y + ry))
    return path


def _box(x: float, y: float, w: float, h: float, r: float = 0.6) -> skia.Path:
    path = skia.Path()
    path.addRoundRect(skia.Rect.MakeXYWH(x, y, w, h), r, r)
    return path


def _shoe(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    colour = _colour(rng)
    for y in (-6.0, 6.0):
        sole = skia.Path()
        sole.moveTo(-18, y - 3.6)
        sole.cubicTo(-8, y - 4.0, -4, y - 5.6, 6, y - 4.6)
        sole.cubicTo(12, y - 3.6, 12, y + 3.6, 6, y + 4.4)
        sole.cubicTo(-4, y + 5.2, -8, y + 3.6, -18, y + 3.4)
        sole.close()
        _solid(canvas, sole, mix(colour, (245, 245, 240), 0.75), 1.2)
        canvas.save()
        canvas.translate(-1.0, 0)
        canvas.scale(0.92, 1.0)
        _solid(canvas, _oval(0, y, 10, 3.9), colour, 0.6)
        canvas.restore()
        _solid(canvas, _oval(-9, y, 6, 2.7), mix(colour, (12, 10, 14), 0.6), 0.2)


def _strap(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    _cable(canvas, rng, _colour(rng), float(rng.uniform(1.6, 3.2)))


def _cord(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    _cable(canvas, rng, (240, 240, 240) if rng.random() < 0.5 else (34, 34, 38), 0.6)


def _cable(canvas: skia.Canvas, rng: np.random.Generator, colour: Colour, width: float) -> None:
    path = skia.Path()
    path.moveTo(-12, float(rng.uniform(-25, -5)))
    path.cubicTo(float(rng.uniform(8, 20)), -12, float(rng.uniform(6, 18)), 12, -12, float(rng.uniform(8, 30)))
    for shift, tone, alpha, wide in ((0.7, (14, 12, 18), 0.4, width * 1.2), (0.0, colour, 1.0, width)):
        paint = skia.Paint(Color=argb(tone, alpha), Style=skia.Paint.kStroke_Style, StrokeWidth=wide, AntiAlias=True)
        if shift:
            paint.setMaskFilter(blur(0.5))
        canvas.save()
        canvas.translate(shift, shift)
        canvas.drawPath(path, paint)
        canvas.restore()


def _book(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    colour = _colour(rng)
    _solid(canvas, _box(-14, -9, 21, 15), (236, 232, 222), 1.6)
    _solid(canvas, _box(-14, -9.4, 20.6, 14.8), colour, 0.2)
    canvas.drawRect(
        skia.Rect.MakeXYWH(-8, -5, 11, 1.6), skia.Paint(Color=argb(mix(colour, (255, 255, 255), 0.6)), AntiAlias=True)
    )
    canvas.drawRect(
        skia.Rect.MakeXYWH(-6, -2, 7, 0.9), skia.Paint(Color=argb(mix(colour, (255, 255, 255), 0.45)), AntiAlias=True)
    )


def _cup(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    colour = _colour(rng)
    _solid(canvas, _box(3, -1.2, 5.4, 2.4, 1.2), colour, 1.0)
    _solid(canvas, _oval(0, 0, 4.6, 4.6), mix(colour, (255, 255, 255), 0.3), 2.2)
    _solid(canvas, _oval(0, 0, 3.9, 3.9), (74, 48, 32) if rng.random() < 0.6 else (226, 218, 204), 0.1)


def _sockets(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    tone = (238, 238, 236) if rng.random() < 0.7 else (40, 40, 44)
    _solid(canvas, _box(-22, -3.2, 30, 6.4, 1.4), tone, 1.8)
    for x in (-12.0, -5.5, 1.0):
        _solid(canvas, _oval(x, 0, 2.3, 2.3), mix(tone, (20, 20, 22), 0.25), 0.1)
        for y in (-0.9, 0.9):
            canvas.drawCircle(x, y, 0.35, skia.Paint(Color=argb((20, 20, 22)), AntiAlias=True))


def _plant(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    green = mix((62, 104, 58), (120, 140, 70), float(rng.random()))
    for _ in range(int(rng.integers(3, 7))):
        canvas.save()
        canvas.rotate(float(rng.uniform(-70, 70)))
        leaf = skia.Path()
        long = float(rng.uniform(9, 20))
        leaf.moveTo(-4, 0)
        leaf.quadTo(0.4 * long, -0.34 * long, long, 0)
        leaf.quadTo(0.4 * long, 0.34 * long, -4, 0)
        _solid(canvas, leaf, mix(green, (20, 40, 20), float(rng.uniform(0, 0.4))), 1.0)
        canvas.drawLine(
            -4, 0, long * 0.9, 0, skia.Paint(Color=argb((220, 235, 200), 0.4), StrokeWidth=0.3, AntiAlias=True)
        )
        canvas.restore()


def _phone(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    _solid(canvas, _box(-9, -3.7, 15, 7.4, 1.1), (28, 28, 32), 0.8)
    _solid(canvas, _box(-8.4, -3.2, 13.8, 6.4, 0.6), (52, 56, 66), 0.0001)


def _cushion(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    path = skia.Path()
    path.moveTo(-24, -19)
    path.quadTo(-6, -15, 11, -19)
    path.quadTo(7, 0, 11, 19)
    path.quadTo(-6, 15, -24, 19)
    path.close()
    _solid(canvas, path, _colour(rng), 3.0)


def _furniture(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    """The edge of a bed, a sofa or a cupboard."""
    colour = mix(_colour(rng), (120, 84, 56), 0.4)
    _solid(canvas, _box(-60, -90, 60 + float(rng.uniform(2, 7)), 180, 1.0), colour, 3.0)


def _chair_leg(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    wood = mix(_colour(rng), (130, 92, 60), 0.6)
    _solid(canvas, _box(-30, -2.0, 36, 4.0, 1.6), wood, 2.4)
    _solid(canvas, _oval(5, 0, 2.2, 2.2), mix(wood, (20, 14, 10), 0.5), 0.2)


def _switch(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    _solid(canvas, _box(-4, -4, 8, 8, 0.8), (240, 239, 235), 0.5)
    _solid(canvas, _box(-2.6, -2.6, 5.2, 5.2, 0.4), (250, 249, 246), 0.1)


def _frame(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    colour = _colour(rng)
    wide, high = float(rng.uniform(22, 44)), float(rng.uniform(24, 50))
    _solid(canvas, _box(-wide / 2, -high / 2, wide, high, 0.3), colour, 1.2)
    _solid(canvas, _box(-wide / 2 + 2, -high / 2 + 2, wide - 4, high - 4, 0.1), (238, 234, 226), 0.1)
    _solid(canvas, _box(-wide / 4, -high / 4, wide / 2, high / 2, 0.1), _colour(rng), 0.1)


def _jamb(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    """The frame of a door, upright through the whole picture."""
    colour = mix(_colour(rng), (238, 234, 226), 0.6)
    wide = float(rng.uniform(5, 10))
    _solid(canvas, _box(-wide / 2, -200, wide, 500, 0.2), colour, 1.6)
    _solid(canvas, _box(-wide / 4, -200, wide / 4, 500, 0.1), mix(colour, (20, 18, 20), 0.06), 0.2)


def _drape(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    """The edge of a curtain."""
    colour = _colour(rng)
    for x in (-12.0, -6.5, -1.5, 3.0):
        _solid(canvas, _box(x, -200, 6.5, 500, 2.4), mix(colour, (255, 255, 255), float(rng.uniform(0, 0.15))), 1.2)


FLAT: tuple[Thing, ...] = (
    _shoe,
    _strap,
    _cord,
    _book,
    _cup,
    _sockets,
    _plant,
    _phone,
    _cushion,
    _furniture,
    _furniture,
    _chair_leg,
)
UPRIGHT: tuple[Thing, ...] = (_switch, _frame, _jamb, _jamb, _drape, _plant, _cord)
