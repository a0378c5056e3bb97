"""The picture around a garment: where it lies, how the camera sees it, and the light."""

import math
from dataclasses import dataclass
from functools import lru_cache

import numpy as np
import skia

from rpf.data.wardrobe.colours import argb, mix, rgb
from rpf.data.wardrobe.pen import blur
from rpf.data.wardrobe.plan import Plan

STUDIO = ("f6f5f3", "efeeec", "f3efe9", "eaeef1", "eef0ea", "f4ecea", "e7e9ec", "f1ede2", "e9e4dd", "e4eae8")
ASPECTS = (3 / 4, 4 / 5, 3 / 4, 4 / 5, 5 / 7, 1.0)
Array = np.ndarray


@dataclass(frozen=True)
class View:
    """How the camera sees the garment: the picture's (width, height), and the matrix from centimetres to pixels."""

    size: tuple[int, int]
    matrix: skia.Matrix


def see(outlines: list[skia.Path], plan: Plan, height: int, plain: bool, rng: np.random.Generator) -> View:
    """Chooses a frame that shows the whole garment."""
    everything = skia.Path()
    for outline in outlines:
        everything.addPath(outline)
    size = _frame(height, everything.getBounds(), rng)
    return View(size, _camera(outlines, size, plain, rng))


def _frame(height: int, bounds: skia.Rect, rng: np.random.Generator) -> tuple[int, int]:
    """Width and height of the picture: portrait, square for what is wide."""
    aspect = ASPECTS[rng.integers(len(ASPECTS))]
    if bounds.width() > 0.95 * bounds.height():
        aspect = max(aspect, 4 / 5)
    return round(height * aspect), height


def _camera(outlines: list[skia.Path], size: tuple[int, int], plain: bool, rng: np.random.Generator) -> skia.Matrix:
    """The matrix from centimetres to pixels that puts the whole garment into the frame."""
    w, h = size
    turn = float(rng.normal(0, 0.8)) if plain else float(np.clip(rng.normal(0, 5), -12, 12))
    view = skia.Matrix.RotateDeg(turn)
    if not plain:
        view = skia.Matrix.Concat(_perspective(rng), view)
    box = _bounds(outlines, view)
    fill = float(rng.uniform(0.84, 0.90) if plain else rng.uniform(0.68, 0.95))
    scale = fill * min(w / box.width(), h / box.height())
    room_x, room_y = w - scale * box.width(), h - scale * box.height()
    shift = (0.5, 0.48) if plain else (float(rng.uniform(0.2, 0.8)), float(rng.uniform(0.2, 0.8)))
    place = skia.Matrix.MakeAll(
        scale, 0, room_x * shift[0] - scale * box.left(), 0, scale, room_y * shift[1] - scale * box.top(), 0, 0, 1
    )
    return skia.Matrix.Concat(place, view)


def _perspective(rng: np.random.Generator) -> skia.Matrix:
    """A camera that does not look straight down: up to a tenth smaller at one end."""
    return skia.Matrix.MakeAll(1, 0, 0, 0, 1, 0, rng.normal(0, 0.00035), rng.normal(0, 0.0005), 1)


def _bounds(outlines: list[skia.Path], view: skia.Matrix) -> skia.Rect:
    boxes = []
    for outline in outlines:
        moved = skia.Path()
        outline.transform(view, moved)
        boxes.append(moved.computeTightBounds())
    return skia.Rect.MakeLTRB(
        min(b.left() for b in boxes),
        min(b.top() for b in boxes),
        max(b.right() for b in boxes),
        max(b.bottom() for b in boxes),
    )


def compose(garment: skia.Image, plan: Plan, view: View, plain: bool, rng: np.random.Generator) -> Array:
    """The layer of the garment and its support upon a background with its shadow; (H, W, 3) uint8."""
    w, h = view.size
    surface = skia.Surface(w, h)
    canvas = surface.getCanvas()
    if plain:
        _studio(canvas, w, h, rng)
    else:
        _ground(canvas, w, h, rng)
    for less, dx, dy, sigma, alpha in ((4, 0.004, 0.012, 0.016, 0.24), (2, 0.002, 0.004, 0.004, 0.26)):
        _shadow(canvas, garment, less, dx * h, dy * h, sigma * h, alpha)
    canvas.drawImage(garment, 0, 0)
    if plain:
        return np.ascontiguousarray(
            surface.makeImageSnapshot().toarray(colorType=skia.ColorType.kRGBA_8888_ColorType)[..., :3]
        )
    _light(canvas, w, h, rng)
    picture = surface.makeImageSnapshot().toarray(colorType=skia.ColorType.kRGBA_8888_ColorType)[..., :3]
    return _sensor(picture, rng)


def _shadow(
    canvas: skia.Canvas, garment: skia.Image, less: int, dx: float, dy: float, sigma: float, alpha: float
) -> None:
    """The garment's shadow, blurred in a picture `less` times smaller: a blur of the whole picture would be slow."""
    w, h = garment.width(), garment.height()
    small = skia.Surface(-(-w // less), -(-h // less))
    smooth = skia.SamplingOptions(skia.FilterMode.kLinear, skia.MipmapMode.kLinear)
    black = skia.ColorFilters.Blend(argb((30, 26, 34)), skia.BlendMode.kSrcIn)
    whole, tiny = skia.Rect.MakeWH(w, h), skia.Rect.MakeWH(w / less, h / less)
    small.getCanvas().drawImageRect(garment, whole, tiny, smooth, skia.Paint(ColorFilter=black))
    blurred = skia.Surface(small.width(), small.height())
    soft = skia.ImageFilters.Blur(sigma / less, sigma / less)
    blurred.getCanvas().drawImage(small.makeImageSnapshot(), 0, 0, skia.SamplingOptions(), skia.Paint(ImageFilter=soft))
    canvas.drawImageRect(blurred.makeImageSnapshot(), tiny, whole.makeOffset(dx, dy), smooth, skia.Paint(Alphaf=alpha))


def _studio(canvas: skia.Canvas, w: int, h: int, rng: np.random.Generator) -> None:
    tone = rgb(STUDIO[rng.integers(len(STUDIO))])
    low = mix(tone, (96, 92, 98), 0.10)
    shader = skia.GradientShader.MakeRadial(
        skia.Point(w * 0.47, h * 0.4),
        0.85 * h,
        [argb(mix(tone, (255, 255, 255), 0.4)), argb(tone), argb(low)],
        [0.0, 0.55, 1.0],
    )
    canvas.drawPaint(skia.Paint(Shader=shader, Dither=True))


def _ground(canvas: skia.Canvas, w: int, h: int, rng: np.random.Generator) -> None:
    """Boards, a sheet, a carpet, tiles, a wall or a table, turned a little."""
    kind = str(rng.choice(["boards", "sheet", "carpet", "tiles", "wall", "studio", "boards", "sheet"]))
    if kind == "studio":
        _studio(canvas, w, h, rng)
        return
    canvas.save()
    canvas.translate(w / 2, h / 2)
    canvas.rotate(float(rng.normal(0, 6)) + (90.0 if rng.random() < 0.5 else 0.0))
    s = h / 400
    canvas.scale(s, s)
    r = skia.Rect.MakeLTRB(-420, -420, 420, 420)
    {"boards": _boards, "sheet": _sheet, "carpet": _carpet, "tiles": _tiles, "wall": _wall}[kind](canvas, r, rng)
    canvas.restore()


@lru_cache(maxsize=4)
def _noise(kind: str) -> skia.Image:
    """A tile of grey noise as black and white of varied alpha, (256, 256) RGBA; `grain` is drawn out along x."""
    rng = np.random.default_rng({"grain": 1, "cloud": 2, "tuft": 3}[kind])
    spectrum = np.fft.fft2(rng.normal(0, 1, (256, 256)))
    fy, fx = np.meshgrid(np.fft.fftfreq(256), np.fft.fftfreq(256), indexing="ij")
    reach = {"grain": np.hypot(fx * 30, fy * 2.2), "cloud": np.hypot(fx, fy) * 26, "tuft": np.hypot(fx, fy) * 3.2}[kind]
    noise = np.real(np.fft.ifft2(spectrum / (1 + reach**2.4)))
    noise /= noise.std()
    alpha = np.clip(np.abs(noise) * 80, 0, 255).astype(np.uint8)
    value = np.where(noise > 0, 255, 0).astype(np.uint8)
    return skia.Image.fromarray(
        np.ascontiguousarray(np.dstack([value, value, value, alpha])), colorType=skia.ColorType.kRGBA_8888_ColorType
    )


def _noise_paint(kind: str, alpha: float, scale: float, rng: np.random.Generator) -> skia.Paint:
    local = skia.Matrix.MakeAll(scale, 0, float(rng.uniform(0, 256)), 0, scale, float(rng.uniform(0, 256)), 0, 0, 1)
    shader = _noise(kind).makeShader(
        skia.TileMode.kRepeat, skia.TileMode.kRepeat, skia.SamplingOptions(skia.FilterMode.kLinear), local
    )
    return skia.Paint(Shader=shader, Alphaf=alpha, AntiAlias=True)


def _boards(canvas: skia.Canvas, r: skia.Rect, rng: np.random.Generator) -> None:
    tones = ("b98d62", "8d6544", "c9a987", "a79a8c", "6b4a34", "d6c3a8", "9c7b5d")
    base = rgb(tones[rng.integers(len(tones))])
    deep = float(rng.uniform(38, 70))
    y = r.top()
    while y < r.bottom():
        x = r.left() - float(rng.uniform(0, 300))
        while x < r.right():
            long = float(rng.uniform(200, 380))
            plank = skia.Rect.MakeXYWH(x, y, long, deep)
            tone = mix(base, (255, 255, 255) if rng.random() < 0.5 else (30, 18, 10), float(rng.uniform(0, 0.13)))
            canvas.drawRect(plank, skia.Paint(Color=argb(tone)))
            canvas.drawRect(plank, _noise_paint("grain", 0.26, 1.2, rng))
            canvas.drawRect(
                plank,
                skia.Paint(
                    Color=argb(mix(base, (20, 10, 5), 0.65), 0.7),
                    Style=skia.Paint.kStroke_Style,
                    StrokeWidth=1.1,
                    AntiAlias=True,
                ),
            )
            x += long
        y += deep


def _sheet(canvas: skia.Canvas, r: skia.Rect, rng: np.random.Generator) -> None:
    tones = ("f1eeea", "e3e6ec", "ead9d3", "d5dde0", "cfc6ba", "7f8aa0", "b7bfae", "9a3f3f", "e9dfae", "4b5566")
    base = rgb(tones[rng.integers(len(tones))])
    canvas.drawRect(r, skia.Paint(Color=argb(base)))
    pattern = rng.random()
    if pattern < 0.35:
        paint = skia.Paint(Color=argb(mix(base, (70, 80, 110), 0.22)), AntiAlias=True)
        for i in range(-420, 420, 26):
            canvas.drawRect(skia.Rect.MakeXYWH(i, -420, 9, 840), paint)
    elif pattern < 0.5:
        paint = skia.Paint(Color=argb(mix(base, (255, 255, 255), 0.35), 0.8), AntiAlias=True)
        for i in range(-420, 420, 34):
            for j in range(-420, 420, 34):
                canvas.drawCircle(i + (j // 34 % 2) * 17, j, 5, paint)
    canvas.drawRect(r, _noise_paint("cloud", 0.10, 1.6, rng))
    for _ in range(int(rng.integers(8, 16))):
        x, y, a = rng.uniform(-300, 300), rng.uniform(-300, 300), rng.uniform(0, math.pi)
        long, bend = rng.uniform(90, 260), rng.uniform(-50, 50)
        for lift, colour, alpha in ((0, (30, 30, 50), 0.16), (-5, (255, 255, 255), 0.22)):
            path = skia.Path()
            path.moveTo(x, y + lift)
            path.quadTo(
                x + long / 2 * math.cos(a) + bend,
                y + lift + long / 2 * math.sin(a),
                x + long * math.cos(a),
                y + lift + long * math.sin(a),
            )
            canvas.drawPath(
                path,
                skia.Paint(
                    Color=argb(colour, alpha),
                    Style=skia.Paint.kStroke_Style,
                    StrokeWidth=7,
                    MaskFilter=blur(4),
                    AntiAlias=True,
                ),
            )


def _carpet(canvas: skia.Canvas, r: skia.Rect, rng: np.random.Generator) -> None:
    tones = ("8c8478", "b3a898", "5d6470", "7a4f46", "a5a9a4", "46505a", "c9bda9")
    canvas.drawRect(r, skia.Paint(Color=argb(rgb(tones[rng.integers(len(tones))]))))
    canvas.drawRect(r, _noise_paint("tuft", 0.34, 0.9, rng))
    canvas.drawRect(r, _noise_paint("cloud", 0.14, 1.3, rng))


def _tiles(canvas: skia.Canvas, r: skia.Rect, rng: np.random.Generator) -> None:
    tones = ("d9d4cb", "bfc3c4", "c7b49b", "e6e4df", "9aa0a3")
    base = rgb(tones[rng.integers(len(tones))])
    canvas.drawRect(r, skia.Paint(Color=argb(base)))
    canvas.drawRect(r, _noise_paint("cloud", 0.16, 0.9, rng))
    joint = skia.Paint(Color=argb(mix(base, (60, 56, 52), 0.4)), StrokeWidth=2.4, AntiAlias=True)
    step = int(rng.integers(90, 170))
    for i in range(-440, 440, step):
        canvas.drawLine(i, -440, i, 440, joint)
        canvas.drawLine(-440, i, 440, i, joint)


def _wall(canvas: skia.Canvas, r: skia.Rect, rng: np.random.Generator) -> None:
    tones = ("d8d2c6", "c8cdd0", "e3dcd2", "b9b2a6", "cfd6cd", "8d9298")
    canvas.drawRect(r, skia.Paint(Color=argb(rgb(tones[rng.integers(len(tones))]))))
    canvas.drawRect(r, _noise_paint("cloud", 0.09, 1.8, rng))
    canvas.drawRect(r, _noise_paint("tuft", 0.05, 0.7, rng))


def _light(canvas: skia.Canvas, w: int, h: int, rng: np.random.Generator) -> None:
    """Brighter at one side than at the other."""
    a = rng.uniform(0, 2 * math.pi)
    dx, dy = 0.6 * w * math.cos(a), 0.6 * h * math.sin(a)
    strength = float(rng.uniform(0.03, 0.26))
    points = [skia.Point(w / 2 - dx, h / 2 - dy), skia.Point(w / 2 + dx, h / 2 + dy)]
    shader = skia.GradientShader.MakeLinear(
        points, [argb((255, 250, 240), strength * 0.55), argb((0, 0, 0), 0.0), argb((12, 10, 20), strength)]
    )
    canvas.drawPaint(skia.Paint(Shader=shader, Dither=True))


def _sensor(picture: Array, rng: np.random.Generator) -> Array:
    """Colour cast, exposure and noise of a phone's camera."""
    gain = (np.exp(rng.normal(0, 0.035, 3)) * math.exp(rng.normal(0, 0.10))).astype(np.float32)
    lift = float(rng.uniform(-6, 10))
    noise = rng.standard_normal(picture.shape, dtype=np.float32) * float(rng.uniform(0.5, 5.0))
    return np.clip(picture * gain + (lift + noise), 0, 255).astype(np.uint8)
