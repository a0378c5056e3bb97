"""Props at the edges of a photo, and a second garment; drawn before the garment, so they never cover it."""

import math
from collections.abc import Callable

import numpy as np
import skia

from wardrobe.drawing.pen import Pen, blur
from wardrobe.fabric.colours import Colour, argb, mix, parse_hex
from wardrobe.scenes.camera import View

Prop = Callable[[skia.Canvas, np.random.Generator], None]
IsFree = Callable[[skia.Point, float], bool]  # tells whether a circle in cm is clear of the garment
PROP_COLOURS = (
    "2b2b30", "e9e6df", "8a5a36", "b23a3a", "2f5d8a", "d9c3a0", "5d6b58", "c9a3b4", "f2f1ef", "6f4a8a", "e3b23c",
    "44464c",
)  # fmt: skip
SATURATED_COLOURS = ("b23a3a", "2f5d8a", "5d6b58", "6f4a8a", "c77b30", "2f7a78", "a83f6a", "3d4658")


def draw_floor_props(canvas: skia.Canvas, view: View, free: IsFree, rng: np.random.Generator) -> None:
    """Draw up to three props near the image's edges, where `free` finds room beside the garment."""
    for _ in range(int(rng.choice([0, 0, 0, 1, 1, 2, 3]))):
        prop, reach = FLOOR_PROPS[rng.integers(len(FLOOR_PROPS))]
        x, y, inward = _edge_point(view, rng)
        depth = float(rng.uniform(0.0, 0.5)) * reach
        x, y = x + depth * math.cos(inward), y + depth * math.sin(inward)
        rotation, seed = math.degrees(inward) + float(rng.normal(0, 28)), int(rng.integers(1 << 30))
        centre = skia.Point(x + 0.2 * reach * math.cos(inward), y + 0.2 * reach * math.sin(inward))
        if free(centre, reach):
            _draw_prop(canvas, prop, (x, y), rotation, seed)


def draw_wall_props(canvas: skia.Canvas, view: View, bare: bool, floor: float, rng: np.random.Generator) -> None:
    """Draw up to two props on a wall or in front of it; paintings and switches only on a `bare` wall.

    `floor`: y of the wall's lower end, in cm.
    """
    area = _visible_area(view)
    for prop in rng.permutation(3)[: int(rng.choice([0, 0, 0, 1, 1, 2]))]:
        side, seed = (1 if rng.random() < 0.5 else -1), int(rng.integers(1 << 30))
        edge = area.right() if side > 0 else area.left()
        height = min(area.bottom(), floor - 20.0) - area.top()
        if prop == 0:
            y = min(area.bottom(), floor) - float(rng.uniform(0.0, 0.2)) * area.height()
            _draw_prop(canvas, _draw_plant, (edge + 5.0 * side, y), 180.0 if side > 0 else 0.0, seed)
        elif prop == 1 and bare and height > 40.0:
            _draw_prop(
                canvas, _draw_framed_painting, (edge, area.top() + float(rng.uniform(0.1, 0.5)) * height), 0.0, seed
            )
        elif prop == 2 and bare and height > 40.0:
            inset = float(rng.uniform(6.0, 8.0))
            _draw_prop(
                canvas,
                _draw_light_switch,
                (edge - inset * side, area.top() + float(rng.uniform(0.3, 0.9)) * height),
                0.0,
                seed,
            )


def _draw_prop(canvas: skia.Canvas, prop: Prop, at: tuple[float, float], rotation: float, seed: int) -> None:
    canvas.save()
    canvas.translate(*at)
    canvas.rotate(rotation)
    prop(canvas, np.random.default_rng(seed))
    canvas.restore()


def _visible_area(view: View) -> skia.Rect:
    """Return the area that the image certainly shows, in cm."""
    return view.area().makeInset(3.0, 3.0)


def _edge_point(view: View, rng: np.random.Generator) -> tuple[float, float, float]:
    """Choose a point on the image's edge in cm; returns it and the direction to the image's centre."""
    w, h = view.size
    back = skia.Matrix()
    view.matrix.invert(back)
    t, side = float(rng.uniform(0.05, 0.95)), int(rng.integers(4))
    at = ((w * t, 0.0), (w * t, float(h)), (0.0, h * t), (float(w), h * t))[side]
    p, middle = back.mapPoints([skia.Point(*at), skia.Point(w / 2, h / 2)])
    return p.x(), p.y(), math.atan2(middle.y() - p.y(), middle.x() - p.x())


def draw_second_garment(
    canvas: skia.Canvas, view: View, pen: Pen, setting: str, edges: tuple[float, float], rng: np.random.Generator
) -> None:
    """Draw another garment, mostly out of frame; `edges` are the first garment's left and right ends in pixels."""
    drawn, _ = pen.finish()
    whole = skia.Path()
    for outline in pen.outlines:
        whole.addPath(outline)
    box, (w, h) = whole.getBounds(), view.size
    scale = float(view.matrix.mapRadius(1.0))
    left = edges[0] > w - edges[1]
    free = max(edges[0], w - edges[1], 0.1 * w)
    show = min(float(rng.uniform(0.10, 0.22)) * w, free + 0.04 * w)
    rotation = 0.0 if setting != "flat" else float(rng.uniform(-25, 25))
    height = float(view.matrix.mapXY(0.0, 0.0).y()) if setting != "flat" else float(rng.uniform(0.0, 0.5)) * h
    canvas.save()
    canvas.translate(show - scale * box.right() if left else w - show - scale * box.left(), height)
    canvas.rotate(rotation)
    canvas.scale(scale, scale)
    shadow = skia.ImageFilters.DropShadow(0.6, 1.6, 1.4, 1.4, argb((20, 16, 24), 0.5))
    canvas.saveLayer(None, skia.Paint(ImageFilter=shadow))
    canvas.drawPicture(drawn)
    canvas.restore()
    canvas.restore()


def _random_colour(rng: np.random.Generator) -> Colour:
    return mix(parse_hex(PROP_COLOURS[rng.integers(len(PROP_COLOURS))]), (128, 120, 112), float(rng.uniform(0, 0.2)))


def _draw_solid(canvas: skia.Canvas, path: skia.Path, colour: Colour, height: float = 1.5) -> None:
    """Draw an object with its shadow, a lit edge and a dark one."""
    canvas.save()
    canvas.translate(0.4 * height, 0.8 * height)
    canvas.drawPath(path, skia.Paint(Color=argb((14, 12, 18), 0.42), MaskFilter=blur(0.8 * height), AntiAlias=True))
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


def _rounded_rect(x: float, y: float, w: float, h: float, r: float = 0.6) -> skia.Path:
    path = skia.Path()
    path.addRoundRect(skia.Rect.MakeXYWH(x, y, w, h), r, r)
    return path


def _draw_shoes(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    colour = _random_colour(rng)
    for y in (-6.0, 6.0):
        sole = skia.Path()
        sole.moveTo(-18, y - 3.6)
        sole.cubicTo(-8, y - 4.0, -4, y - 5.6, 6, y - 4.6)
        sole.cubicTo(12, y - 3.6, 12, y + 3.6, 6, y + 4.4)
        sole.cubicTo(-4, y + 5.2, -8, y + 3.6, -18, y + 3.4)
        sole.close()
        _draw_solid(canvas, sole, mix(colour, (245, 245, 240), 0.75), 1.2)
        canvas.save()
        canvas.translate(-1.0, 0)
        canvas.scale(0.92, 1.0)
        _draw_solid(canvas, _oval(0, y, 10, 3.9), colour, 0.6)
        canvas.restore()
        _draw_solid(canvas, _oval(-9, y, 6, 2.7), mix(colour, (12, 10, 14), 0.6), 0.2)


def _draw_cord(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    _draw_cable(canvas, rng, (240, 240, 240) if rng.random() < 0.5 else (34, 34, 38), 0.6)


def _draw_cable(canvas: skia.Canvas, rng: np.random.Generator, colour: Colour, width: float) -> None:
    path = skia.Path()
    path.moveTo(-12, float(rng.uniform(-25, -5)))
    path.cubicTo(float(rng.uniform(8, 20)), -12, float(rng.uniform(6, 18)), 12, -12, float(rng.uniform(8, 30)))
    for shift, tone, alpha, stroke_width in ((0.7, (14, 12, 18), 0.4, width * 1.2), (0.0, colour, 1.0, width)):
        paint = skia.Paint(
            Color=argb(tone, alpha), Style=skia.Paint.kStroke_Style, StrokeWidth=stroke_width, AntiAlias=True
        )
        if shift:
            paint.setMaskFilter(blur(0.5))
        canvas.save()
        canvas.translate(shift, shift)
        canvas.drawPath(path, paint)
        canvas.restore()


def _draw_book(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    """Draw a closed book with a title and a round motif on its cover."""
    colour = mix(
        parse_hex(SATURATED_COLOURS[rng.integers(len(SATURATED_COLOURS))]), (128, 120, 112), float(rng.uniform(0, 0.2))
    )
    pale = mix(colour, (255, 255, 255), 0.75)
    _draw_solid(canvas, _rounded_rect(-9.0, -6.6, 19.4, 14.0, 0.3), colour, 1.6)
    _draw_solid(canvas, _rounded_rect(-9.0, -6.8, 18.9, 13.8, 0.2), (244, 240, 230), 0.2)
    line = skia.Paint(Color=argb((150, 140, 125), 0.6), StrokeWidth=0.15, AntiAlias=True)
    for k in range(3):
        canvas.drawLine(-9.0, 6.2 + 0.25 * k, 9.6, 6.2 + 0.25 * k, line)
        canvas.drawLine(9.1 + 0.25 * k, -6.6, 9.1 + 0.25 * k, 6.6, line)
    _draw_solid(canvas, _rounded_rect(-9.4, -7.2, 18.2, 13.0, 0.3), colour, 0.2)
    paint = skia.Paint(Color=argb(mix(colour, (10, 8, 12), 0.5), 0.6), AntiAlias=True)
    canvas.drawRect(skia.Rect.MakeXYWH(-8.2, -7.1, 0.4, 12.8), paint)
    paint.setColor(argb(pale))
    for x, half in ((6.0, 4.6), (4.2, 3.2)):  # the title runs along the spine
        canvas.drawRect(skia.Rect.MakeXYWH(x, -0.7 - half, 1.1, 2 * half), paint)
    canvas.drawCircle(-2.2, -0.7, 3.4, paint)
    paint.setColor(argb(mix(colour, (10, 8, 12), 0.25)))
    canvas.drawCircle(-1.4, -1.6, 1.7, paint)


def _draw_cup(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    colour = _random_colour(rng)
    _draw_solid(canvas, _rounded_rect(3, -1.2, 5.4, 2.4, 1.2), colour, 1.0)
    _draw_solid(canvas, _oval(0, 0, 4.6, 4.6), mix(colour, (255, 255, 255), 0.3), 2.2)
    _draw_solid(canvas, _oval(0, 0, 3.9, 3.9), (74, 48, 32) if rng.random() < 0.6 else (226, 218, 204), 0.1)


def _draw_plant(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    green = mix((62, 104, 58), (120, 140, 70), float(rng.random()))
    for _ in range(int(rng.integers(3, 7))):
        canvas.save()
        canvas.rotate(float(rng.uniform(-70, 70)))
        leaf = skia.Path()
        length = float(rng.uniform(9, 20))
        leaf.moveTo(-4, 0)
        leaf.quadTo(0.4 * length, -0.34 * length, length, 0)
        leaf.quadTo(0.4 * length, 0.34 * length, -4, 0)
        _draw_solid(canvas, leaf, mix(green, (20, 40, 20), float(rng.uniform(0, 0.4))), 1.0)
        canvas.drawLine(
            -4, 0, length * 0.9, 0, skia.Paint(Color=argb((220, 235, 200), 0.4), StrokeWidth=0.3, AntiAlias=True)
        )
        canvas.restore()


def _draw_phone(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    """Draw a phone with its home screen."""
    _draw_solid(canvas, _rounded_rect(-7.5, -3.7, 15, 7.4, 1.1), (28, 28, 32), 0.8)
    ends = [skia.Point(-7, -3), skia.Point(7, 3)]
    a, b = (parse_hex(SATURATED_COLOURS[rng.integers(len(SATURATED_COLOURS))]) for _ in range(2))
    glow = skia.GradientShader.MakeLinear(ends, [argb(mix(c, (255, 255, 255), 0.45)) for c in (a, b)])
    canvas.drawPath(_rounded_rect(-7.1, -3.3, 14.2, 6.6, 0.8), skia.Paint(Shader=glow, AntiAlias=True))
    for x in (-3.2, -1.2, 0.8, 5.4):
        for y in (-2.2, -0.7, 0.8, 2.3):
            tone = mix(parse_hex(PROP_COLOURS[rng.integers(len(PROP_COLOURS))]), (255, 255, 255), 0.25)
            canvas.drawPath(
                _rounded_rect(x - 0.5, y - 0.55, 1.1, 1.1, 0.3), skia.Paint(Color=argb(tone), AntiAlias=True)
            )
    canvas.drawPath(_rounded_rect(-6.8, -0.9, 0.45, 1.8, 0.2), skia.Paint(Color=argb((20, 20, 24)), AntiAlias=True))


def _draw_light_switch(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    _draw_solid(canvas, _rounded_rect(-4, -4, 8, 8, 0.8), (240, 239, 235), 0.5)
    _draw_solid(canvas, _rounded_rect(-2.6, -2.6, 5.2, 5.2, 0.4), (250, 249, 246), 0.1)


def _draw_framed_painting(canvas: skia.Canvas, rng: np.random.Generator) -> None:
    """Draw a framed painting of hills."""
    colour = _random_colour(rng)
    width, height = float(rng.uniform(22, 44)), float(rng.uniform(24, 50))
    _draw_solid(canvas, _rounded_rect(-width / 2, -height / 2, width, height, 0.3), colour, 1.2)
    _draw_solid(
        canvas, _rounded_rect(-width / 2 + 2, -height / 2 + 2, width - 4, height - 4, 0.1), (238, 234, 226), 0.1
    )
    scene = skia.Rect.MakeXYWH(-width / 2 + 5, -height / 2 + 5, width - 10, height - 10)
    canvas.save()
    canvas.clipRect(scene, skia.ClipOp.kIntersect, True)
    sky, hill = mix(_random_colour(rng), (225, 232, 238), 0.6), _random_colour(rng)
    canvas.drawRect(scene, skia.Paint(Color=argb(sky)))
    for x, y, r in ((-0.3, 0.55, 0.6), (0.35, 0.65, 0.62)):
        canvas.drawCircle(
            x * width, y * height, r * width, skia.Paint(Color=argb(mix(hill, sky, 0.4 * (r > 0.6))), AntiAlias=True)
        )
    canvas.drawCircle(
        0.12 * width, -0.16 * height, 0.08 * width, skia.Paint(Color=argb((250, 240, 205)), AntiAlias=True)
    )
    canvas.restore()


# (prop, radius in cm)
FLOOR_PROPS: tuple[tuple[Prop, float], ...] = (
    (_draw_shoes, 16.0),
    (_draw_cord, 12.0),
    (_draw_book, 11.0),
    (_draw_cup, 7.0),
    (_draw_plant, 14.0),
    (_draw_phone, 8.0),
)
