"""Line drawings of collars, lapels, necklines and necks, from close by."""

from collections.abc import Callable, Iterator, Mapping

from wardrobe.drawing.geometry import Curve, Point, mirrored, mirrored_reversed
from wardrobe.line_drawings.outline import Line, LineDrawing, across, both

Drawings = Mapping[int, Callable[[], LineDrawing]]  # by value
BOTTOM = 23.3  # where the drawing ends
NECK, SHOULDER, ARMPIT = (3.1, 4.4), (8.3, 6.4), (7.0, 12.6)
SIDE = [ARMPIT, (6.8, BOTTOM)]
SLEEVE = [SHOULDER, (9.9, 8.4), (11.2, 12.6)], [(11.2, 12.6), (8.4, 14)], [(8.4, 14), ARMPIT]
ARMHOLE = [SHOULDER, (7.2, 9), ARMPIT]
ARM = [SHOULDER, (10.2, 8.2), (11.2, 13), (11.3, BOTTOM)]
THROAT: Line = ([(2.5, 0.7), (2.5, 3), NECK],)


def neck_drawings() -> Iterator[str]:
    """Yield the symbols of collars, lapels, necklines and necks, and of their values."""
    for name, drawings, usual in (
        ("collar_design", COLLARS, 1),
        ("lapel_design", LAPELS, 1),
        ("neckline_design", NECKLINES, 7),
        ("neck_design", NECKS, 1),
    ):
        yield drawings[usual]().symbol(name)
        for value, draw in drawings.items():
            yield draw().symbol(f"{name}-{value}")


def _on_shoulder(x: float) -> Point:
    return x, NECK[1] + (x - NECK[0]) * (SHOULDER[1] - NECK[1]) / (SHOULDER[0] - NECK[0])


def _shirt(x: float = NECK[0]) -> list[Line]:
    """Return a garment with short sleeves; its shoulder begins at x."""
    return both(([_on_shoulder(x), SHOULDER], *SLEEVE, SIDE))


def _front(y: float) -> Line:
    return ([(0, y), (0, BOTTOM)],)


# ---- collars ----


def _shirt_collar() -> LineDrawing:
    leaf = (
        [(0, 7.2), (1.7, 5), (2.6, 2.0)],
        [(2.6, 2.0), (4.0, 3.2), (4.7, 5.2)],
        [(4.7, 5.2), (5.2, 10.8)],
        [(5.2, 10.8), (0, 7.2)],
    )
    return LineDrawing(both(leaf), [(across([(0, 1.4), (2.6, 2.0)]),)], [*_shirt(4.9), _front(7.6)])


def _flat_collar(*outer: Curve) -> LineDrawing:
    """Draw a collar that lies flat around a round neck; `outer` runs from its end on the shoulder to the front."""
    inner = [(0, 8.2), (2.2, 7.2), NECK]
    return LineDrawing(
        both((inner, [NECK, outer[0][0]], *outer)), [], [*_shirt(outer[0][0][0]), *both(THROAT), _front(8.8)]
    )


def _peter_pan_collar() -> LineDrawing:
    return _flat_collar([_on_shoulder(5.9), (6.4, 8.6), (4.8, 11.4), (2.2, 12.2), (0.5, 10.8), (0, 8.2)])


def _puritan_collar() -> LineDrawing:
    return _flat_collar([SHOULDER, (9.0, 9.6), (7.2, 13.2)], [(7.2, 13.2), (2.0, 17.4)], [(2.0, 17.4), (0, 8.2)])


def _rib_collar() -> LineDrawing:
    band = [(0, 5.8), (2.2, 4.6), (2.7, 1.9)], [(2.7, 1.9), (4.6, 2.8), (5.4, 5.3)], [(5.4, 5.3), (4.2, 8.2), (0, 10)]
    ribs: list[Line] = [([(1.5, 6.5), (2.0, 8.2)],), ([(2.9, 5.1), (4.1, 6.6)],), ([(3.5, 3.6), (4.5, 4.2)],)]
    return LineDrawing(both(band), [(across([(0, 1.4), (2.7, 1.9)]),)], [*_shirt(5.6), *both(*ribs), _front(10)])


# ---- lapels ----

BREAK = (0.0, 17.2)  # where the fronts meet
LAPEL = (2.9, 2.1)  # where it turns over at the back
COLLAR_BACK: Line = (across([(0, 1.2), LAPEL]),)


def _jacket(x: float) -> list[Line]:
    """Return a garment with long sleeves and a front; its shoulder begins at x."""
    sleeve: Line = ([_on_shoulder(x), SHOULDER], [SHOULDER, (10.3, 9.5), (11.3, BOTTOM)])
    return [*both(sleeve, ([(7.3, 14), (7.0, BOTTOM)],)), ([BREAK, (0, BOTTOM)],)]


def _notched_lapel() -> LineDrawing:
    notch, tip = (4.0, 7.5), (7.2, 8.4)
    lapel = (
        [LAPEL, BREAK], [BREAK, (4.6, 12.8), tip], [tip, notch], [notch, (5.8, 6.2)], [(5.8, 6.2), (4.6, 3.4), LAPEL],
    )  # fmt: skip
    return LineDrawing(both(lapel), [COLLAR_BACK, *both(([notch, (2.4, 5.0)],))], _jacket(5.4))


def _collarless() -> LineDrawing:
    band = [NECK, (2.4, 9.6), BREAK], [BREAK, (0, 21.2)], [(0, 21.2), (4.6, 11.6), (5.6, 5.4)], [(5.6, 5.4), NECK]
    return LineDrawing(both(band), [], [*_jacket(5.7), *both(THROAT)])


def _shawl(outer: Curve, x: float) -> LineDrawing:
    leaf = [LAPEL, outer[-1]], outer[::-1]
    return LineDrawing(both(leaf), [COLLAR_BACK], _jacket(x))


def _shawl_collar() -> LineDrawing:
    return _shawl([LAPEL, (4.9, 4.3), (5.7, 7.6), (4.4, 12.4), BREAK], 5.4)


def _large_shawl_collar() -> LineDrawing:
    return _shawl([LAPEL, (6.4, 4.2), (8.7, 7.8), (7.4, 13.0), (0, 19.8)], 8.2)


# ---- necklines ----


def _garment(edge: Line, right: Line, left: Line | None = None, skin: Line = ()) -> LineDrawing:
    """Draw a garment with an edge that runs from its left to its right; its sides run down from the edge's ends."""
    left = left or tuple(map(mirrored, right))
    outline = (*(curve[::-1] for curve in reversed(left)), *edge, *right)
    return LineDrawing([], [edge], both(THROAT, *([skin] if skin else ())), [outline])


def _shirt_with(*right: Curve) -> LineDrawing:
    """Draw a neckline on a shirt; its curves run from the centre line to the shoulder."""
    corners = (*(mirrored_reversed(curve) for curve in reversed(right)), *right)
    is_smooth = len(right) == 1 and len(right[0]) > 2
    return _garment((across(right[0]),) if is_smooth else corners, ([right[-1][-1], SHOULDER], *SLEEVE, SIDE))


def _round() -> LineDrawing:
    return _shirt_with([(0, 9.8), (3.0, 8.2), _on_shoulder(4.2)])


def _v() -> LineDrawing:
    return _shirt_with([(0, 12.2), _on_shoulder(3.9)])


def _deep_v() -> LineDrawing:
    return _shirt_with([(0, 20.4), _on_shoulder(3.9)])


def _square() -> LineDrawing:
    return _shirt_with([(0, 11), (4.3, 11)], [(4.3, 11), _on_shoulder(4.6)])


def _straight() -> LineDrawing:
    return _shirt_with([(0, 6.9), (3.5, 6.6), _on_shoulder(6.6)])


def _sweetheart() -> LineDrawing:
    lobe = [(0, 12.8), (0.8, 10.8), (2.6, 9.6), (4.5, 10.6)]
    return _shirt_with(lobe, [lobe[-1], _on_shoulder(5.0)])


def _strapless() -> LineDrawing:
    edge = across([(0, 13), (6.9, 12.6)])
    return _garment((edge,), ([(6.9, 12.6), (6.7, BOTTOM)],), skin=([NECK, SHOULDER], ARM))


def _off_shoulder() -> LineDrawing:
    edge = across([(0, 11.4), (6, 10.8), (10.6, 9.4)])
    sleeve = (
        [(10.6, 9.4), (11.3, 15)],
        [(11.3, 15), (8.2, 15.6)],
        [(8.2, 15.6), (7.0, 13.4)],
        [(7.0, 13.4), (6.8, BOTTOM)],
    )
    return _garment((edge,), sleeve, skin=([NECK, SHOULDER, (10.4, 8.6)],))


def _one_shoulder() -> LineDrawing:
    start = _on_shoulder(4.4)
    edge = [(-start[0], start[1]), (0.5, 9.8), ARMPIT]
    left = mirrored([start, SHOULDER]), mirrored(ARMHOLE), mirrored(SIDE)
    return _garment((edge,), (SIDE,), left, skin=([NECK, SHOULDER], ARM))


# ---- necks ----


def _high_neck(top: Curve) -> Line:
    """Return a tube around the neck, from its top to its seam."""
    seam = [(0, 9.2), (2.4, 8.4), (3.6, 6.4)]
    side = [top[-1], (top[-1][0] + 0.1, 4.5), seam[-1]]
    return (across(top), side, across(seam)[::-1], mirrored_reversed(side))


def _turtle_neck() -> LineDrawing:
    tube = _high_neck([(0, 1.3), (3.1, 0.9)])
    fold = across([(0, 6.2), (2.2, 5.9), (3.3, 5.0)])
    return LineDrawing([tube], [(fold,)], _shirt())


def _low_turtle_neck() -> LineDrawing:
    tube = _high_neck([(0, 5.0), (2.9, 4.4)])
    return LineDrawing([tube], [], [*_shirt(), *both(([(2.5, 0.7), (2.5, 4.2)],))])


def _ruffled_neck() -> LineDrawing:
    """Draw a tube that ends in a frill of scallops."""
    foot, seam = [(0, 8.8), (2.2, 8.0), (3.4, 6.0)], [(0, 6.0), (2.8, 5.2)]
    tube = (across(seam), [seam[-1], foot[-1]], across(foot)[::-1], [(-3.4, 6.0), (-2.8, 5.2)])
    scallops = (
        [(0, 1.8), (0.5, 2.0), (0.9, 2.7)],
        [(0.9, 2.7), (1.8, 1.8), (2.6, 2.7)],
        [(2.6, 2.7), (3.7, 1.8), (4.3, 3.2)],
        [(4.3, 3.2), seam[-1]],
    )
    return LineDrawing([*both(scallops), tube], both(([(0.9, 2.7), (0.8, 3.6)],)), _shirt())


def _draped_neck() -> LineDrawing:
    folds = [
        across([(0, y), (0.55 * x, 0.8 * y + 0.9), _on_shoulder(x)]) for x, y in ((3.6, 8.0), (5.0, 11.6), (6.8, 15.4))
    ]
    cloth = (folds[0], [folds[0][-1], folds[2][-1]], folds[2][::-1], [folds[2][0], folds[0][0]])
    return LineDrawing([cloth], [(folds[1],)], [*_shirt(6.8), *both(THROAT)])


COLLARS: Drawings = {
    1: _shirt_collar,
    2: _peter_pan_collar,
    3: _puritan_collar,
    4: _rib_collar,
}
LAPELS: Drawings = {
    1: _notched_lapel,
    2: _collarless,
    3: _shawl_collar,
    4: _large_shawl_collar,
}
NECKLINES: Drawings = {
    1: _strapless,
    2: _deep_v,
    3: _straight,
    4: _v,
    5: _square,
    6: _off_shoulder,
    7: _round,
    8: _sweetheart,
    9: _one_shoulder,
}
NECKS: Drawings = {1: _turtle_neck, 2: _ruffled_neck, 3: _low_turtle_neck, 4: _draped_neck}
