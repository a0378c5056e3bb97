"""Graphics of chest prints, each within a circle of radius 1 around (0, 0)."""

import math
from collections.abc import Callable

import skia

from wardrobe.fabric.colours import Colour, argb, mix

Graphic = Callable[[skia.Canvas, Colour, Colour], None]  # canvas, ink, second colour


def _fill(colour: Colour) -> skia.Paint:
    return skia.Paint(Color=argb(colour), AntiAlias=True)


def _stroke(colour: Colour, width: float) -> skia.Paint:
    return skia.Paint(
        Color=argb(colour),
        AntiAlias=True,
        Style=skia.Paint.kStroke_Style,
        StrokeWidth=width,
        StrokeCap=skia.Paint.kRound_Cap,
    )


def _polygon(*points: tuple[float, float]) -> skia.Path:
    path = skia.Path()
    path.addPoly([skia.Point(x, y) for x, y in points], True)
    return path


def _disc() -> skia.Path:
    path = skia.Path()
    path.addCircle(0, 0, 1)
    return path


def star(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw a five-pointed star with a smaller one in it."""
    for size, colour in ((1.0, ink), (0.55, second)):
        points = [(size * r * math.sin(k * math.pi / 5), -size * r * math.cos(k * math.pi / 5))
                  for k, r in enumerate((1.0, 0.42) * 5)]  # fmt: skip
        canvas.drawPath(_polygon(*points), _fill(colour))


def heart(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw a heart with a gleam."""
    path = skia.Path()
    path.moveTo(0, 0.9)
    path.cubicTo(-1.5, -0.2, -0.8, -1.2, 0, -0.5)
    path.cubicTo(0.8, -1.2, 1.5, -0.2, 0, 0.9)
    canvas.drawPath(path, _fill(ink))
    canvas.drawArc(skia.Rect.MakeLTRB(-0.75, -0.65, -0.15, -0.05), 170, 90, False, _stroke(second, 0.09))


def mountains(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw peaks and the sun in a circle."""
    canvas.save()
    canvas.clipPath(_disc(), skia.ClipOp.kIntersect, True)
    canvas.drawColor(argb(mix(second, (255, 255, 255), 0.55)))
    canvas.drawCircle(0.3, -0.35, 0.32, _fill(second))
    canvas.drawPath(_polygon((-1.2, 1), (-0.35, -0.35), (0.6, 1)), _fill(mix(ink, (255, 255, 255), 0.3)))
    canvas.drawPath(_polygon((-0.5, 1), (0.45, -0.15), (1.4, 1)), _fill(ink))
    canvas.drawPath(_polygon((0.23, 0.12), (0.45, -0.15), (0.68, 0.13), (0.45, 0.05)), _fill((250, 250, 250)))
    canvas.restore()
    canvas.drawPath(_disc(), _stroke(ink, 0.07))


def waves(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw the sea under a low sun in a circle."""
    canvas.save()
    canvas.clipPath(_disc(), skia.ClipOp.kIntersect, True)
    canvas.drawColor(argb(mix(second, (255, 255, 255), 0.4)))
    canvas.drawCircle(0, -0.05, 0.45, _fill(second))
    for k in range(4):
        y = 0.05 + 0.3 * k
        path = skia.Path()
        path.moveTo(-1.4, 1.2)
        path.lineTo(-1.4, y)
        for i in range(5):
            x = -1.4 + 0.6 * i + 0.2 * (k % 2)
            path.quadTo(x + 0.15, y - 0.2, x + 0.3, y)
            path.quadTo(x + 0.45, y + 0.16, x + 0.6, y)
        path.lineTo(1.6, 1.2)
        canvas.drawPath(path, _fill(mix(ink, (255, 255, 255), 0.36 - 0.12 * k)))
    canvas.restore()


def sun(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw a disc with rays."""
    for k in range(12):
        canvas.save()
        canvas.rotate(30 * k)
        canvas.drawPath(_polygon((-0.13, -0.62), (0, -1), (0.13, -0.62)), _fill(ink))
        canvas.restore()
    canvas.drawCircle(0, 0, 0.52, _fill(second))
    canvas.drawCircle(0, 0, 0.52, _stroke(ink, 0.07))


def cat(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw a cat's face."""
    canvas.drawPath(_polygon((-0.85, -0.95), (-0.15, -0.55), (-0.8, 0.0)), _fill(ink))
    canvas.drawPath(_polygon((0.85, -0.95), (0.15, -0.55), (0.8, 0.0)), _fill(ink))
    canvas.drawOval(skia.Rect.MakeLTRB(-0.9, -0.65, 0.9, 0.8), _fill(ink))
    for x in (-0.38, 0.38):
        canvas.drawOval(skia.Rect.MakeLTRB(x - 0.17, -0.2, x + 0.17, 0.16), _fill(second))
        canvas.drawOval(skia.Rect.MakeLTRB(x - 0.06, -0.18, x + 0.06, 0.14), _fill((20, 20, 22)))
        for dy in (0.0, 0.14):
            canvas.drawLine(x * 1.1, 0.36 + dy, 2.9 * x, 0.3 + 1.6 * dy, _stroke(second, 0.035))
    canvas.drawPath(_polygon((-0.1, 0.28), (0.1, 0.28), (0.0, 0.4)), _fill(mix(second, (230, 110, 130), 0.5)))
    for side in (-1, 1):
        canvas.drawArc(
            skia.Rect.MakeLTRB(min(0, 0.24 * side), 0.3, max(0, 0.24 * side), 0.56),
            0,
            180,
            False,
            _stroke(second, 0.045),
        )


def bear(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw a bear's face."""
    for x in (-0.62, 0.62):
        canvas.drawCircle(x, -0.62, 0.34, _fill(ink))
        canvas.drawCircle(x, -0.62, 0.18, _fill(second))
    canvas.drawOval(skia.Rect.MakeLTRB(-0.88, -0.75, 0.88, 0.85), _fill(ink))
    canvas.drawOval(skia.Rect.MakeLTRB(-0.42, 0.0, 0.42, 0.62), _fill(second))
    for x in (-0.34, 0.34):
        canvas.drawCircle(x, -0.14, 0.09, _fill((18, 18, 20)))
    canvas.drawOval(skia.Rect.MakeLTRB(-0.15, 0.06, 0.15, 0.24), _fill((30, 24, 24)))
    canvas.drawArc(skia.Rect.MakeLTRB(-0.2, 0.2, 0.2, 0.48), 20, 140, False, _stroke((30, 24, 24), 0.05))


def rocket(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw a flying rocket."""
    canvas.rotate(28)
    for side in (-1, 1):
        canvas.drawPath(_polygon((0.25 * side, 0.1), (0.62 * side, 0.62), (0.2 * side, 0.5)), _fill(second))
    canvas.drawPath(_polygon((-0.18, 0.52), (0.18, 0.52), (0.0, 1.0)), _fill((240, 160, 50)))
    body = skia.Path()
    body.moveTo(0, -1)
    body.cubicTo(0.45, -0.6, 0.4, 0.2, 0.24, 0.55)
    body.lineTo(-0.24, 0.55)
    body.cubicTo(-0.4, 0.2, -0.45, -0.6, 0, -1)
    canvas.drawPath(body, _fill(ink))
    canvas.drawCircle(0, -0.25, 0.17, _fill(second))
    canvas.drawCircle(0, -0.25, 0.17, _stroke((250, 250, 250), 0.05))


def flower(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw a daisy."""
    for _ in range(10):
        canvas.rotate(36)
        canvas.drawOval(skia.Rect.MakeLTRB(-0.2, -1.0, 0.2, -0.2), _fill(ink))
        canvas.drawOval(skia.Rect.MakeLTRB(-0.2, -1.0, 0.2, -0.2), _stroke(mix(ink, (60, 60, 60), 0.25), 0.03))
    canvas.drawCircle(0, 0, 0.32, _fill(second))


def rainbow(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw four arches over two clouds."""
    for k, colour in enumerate((ink, (240, 150, 60), (245, 205, 80), second)):
        r = 0.92 - 0.17 * k
        canvas.drawArc(skia.Rect.MakeLTRB(-r, 0.45 - r, r, 0.45 + r), 180, 180, False, _stroke(colour, 0.15))
    for x in (-0.7, 0.7):
        for dx, dy, r in ((-0.2, 0.05, 0.18), (0.0, -0.05, 0.24), (0.22, 0.06, 0.17)):
            canvas.drawCircle(x + dx, 0.5 + dy, r, _fill((248, 248, 250)))


def poster(canvas: skia.Canvas, ink: Colour, second: Colour) -> None:
    """Draw a poster of a low sun over hills."""
    frame = skia.Rect.MakeLTRB(-0.8, -1, 0.8, 1)
    canvas.save()
    canvas.clipRect(frame, skia.ClipOp.kIntersect, True)
    canvas.drawColor(argb(mix(ink, (255, 255, 255), 0.75)))
    canvas.drawCircle(0.1, -0.15, 0.5, _fill(second))
    for k, y in enumerate((0.15, 0.42, 0.7)):
        path = skia.Path()
        path.moveTo(-1, 1.2)
        path.lineTo(-1, y)
        path.cubicTo(-0.4, y - 0.5 + 0.3 * (k % 2), 0.2, y + 0.35 - 0.5 * (k % 2), 1, y - 0.1)
        path.lineTo(1, 1.2)
        canvas.drawPath(path, _fill(mix(ink, (255, 255, 255), 0.45 - 0.2 * k)))
    canvas.restore()


GRAPHICS: tuple[Graphic, ...] = (star, heart, mountains, waves, sun, cat, bear, rocket, flower, rainbow, poster)
