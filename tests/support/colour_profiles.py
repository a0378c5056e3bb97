"""Images in other colour spaces than sRGB: ICC profiles made by hand, and their colours in sRGB.

data = encoded(image, ADOBE_RGB, "JPEG")   # the colours of an sRGB image, as a camera set to Adobe RGB writes them
data = encoded(image, CMYK, "TIFF")
"""

import io
import struct
from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

import numpy as np
import numpy.typing as npt
from PIL import Image

Floats = npt.NDArray[np.float64]
XY = tuple[float, float]

D50, D65 = (0.34567, 0.35850), (0.31270, 0.32900)
D50_XYZ = (0.96422, 1.0, 0.82521)
BRADFORD = np.array([[0.8951, 0.2664, -0.1614], [-0.7502, 1.7135, 0.0367], [0.0389, -0.0685, 1.0296]])
SRGB_PRIMARIES = ((0.64, 0.33), (0.30, 0.60), (0.15, 0.06))
# Shares of red, green and blue light that pass cyan, magenta, yellow and black.
INKS = np.array([[0.0, 0.4, 0.85], [0.8, 0.0, 0.25], [1.0, 0.85, 0.0], [0.02, 0.02, 0.02]])
GRID = 5


@dataclass(frozen=True)
class Space:
    """A colour space: its mode in Pillow, its profile."""

    mode: str
    profile: bytes


@dataclass(frozen=True)
class RGBSpace(Space):
    """An RGB space: its colours to linear XYZ under D50, and its gamma."""

    to_xyz: Floats
    gamma: float

    def to_srgb(self, levels: npt.ArrayLike) -> Floats:
        """Convert levels (0 to 255) in this space to levels in sRGB; clip colours that sRGB cannot show."""
        linear = (np.asarray(levels) / 255) ** self.gamma
        return xyz_to_srgb(linear @ self.to_xyz.T)

    def from_srgb(self, levels: npt.ArrayLike) -> Floats:
        values = np.asarray(levels) / 255
        linear = np.where(values <= 0.04045, values / 12.92, ((values + 0.055) / 1.055) ** 2.4)
        return 255 * (linear @ (np.linalg.inv(self.to_xyz) @ SRGB_TO_XYZ).T).clip(0, 1) ** (1 / self.gamma)


def encoded(image: Image.Image, space: Space, kind: str, **options: Any) -> bytes:
    """Encode an image in that space: RGB keeps the colours of the sRGB image, other modes keep its inks."""
    if isinstance(space, RGBSpace):
        alpha = image.getchannel("A") if image.mode == "RGBA" else None
        image = Image.fromarray(space.from_srgb(np.asarray(image.convert("RGB"))).round().astype(np.uint8))
        if alpha:
            image.putalpha(alpha)
    return with_profile(
        image if isinstance(space, RGBSpace) else image.convert(space.mode), space.profile, kind, **options
    )


def with_profile(image: Image.Image, profile: bytes, kind: str, **options: Any) -> bytes:
    out = io.BytesIO()
    image.save(out, kind, icc_profile=profile, **options)
    return out.getvalue()


def xyz_to_srgb(xyz: Floats) -> Floats:
    """Convert XYZ under D50 to levels of sRGB."""
    linear = (xyz @ np.linalg.inv(SRGB_TO_XYZ).T).clip(0, 1)
    return 255 * np.where(linear <= 0.0031308, 12.92 * linear, 1.055 * linear ** (1 / 2.4) - 0.055)


def inks_to_xyz(inks: npt.ArrayLike) -> Floats:
    """Convert shares (0 to 1) of cyan, magenta, yellow and black to XYZ under D50: each ink filters the light."""
    shares = np.asarray(inks, dtype=float)[..., None]
    return (1 - shares * (1 - INKS)).prod(axis=-2) @ SRGB_TO_XYZ.T


def _to_xyz(primaries: tuple[XY, XY, XY], white: XY) -> Floats:
    """Compute the matrix from linear RGB to XYZ, adapted to D50 (Bradford)."""
    columns = np.array([(x / y, 1.0, (1 - x - y) / y) for x, y in primaries]).T
    light = np.array([white[0] / white[1], 1.0, (1 - sum(white)) / white[1]])
    matrix = columns * np.linalg.solve(columns, light)
    cones = np.diag((BRADFORD @ D50_XYZ) / (BRADFORD @ light))
    return np.asarray(np.linalg.inv(BRADFORD) @ cones @ BRADFORD @ matrix)


def _profile(device_class: bytes, mode: bytes, connection: bytes, tags: Mapping[bytes, bytes]) -> bytes:
    table, content = struct.pack(">I", len(tags)), b""
    for name, data in tags.items():
        table += struct.pack(">4s2I", name, 132 + 12 * len(tags) + len(content), len(data))
        content += data + bytes(-len(data) % 4)
    size = 128 + len(table) + len(content)
    header = struct.pack(">I4xI4s4s4s12x4s28x", size, 0x02400000, device_class, mode, connection, b"acsp")
    return header + _fixed(*D50_XYZ) + bytes(48) + table + content


def _fixed(*values: float) -> bytes:
    return struct.pack(f">{len(values)}i", *(round(65536 * value) for value in values))


def _xyz(values: npt.ArrayLike) -> bytes:
    return b"XYZ \0\0\0\0" + _fixed(*np.asarray(values))


def _curve(gamma: float) -> bytes:
    return b"curv\0\0\0\0" + struct.pack(">IH", 1, round(256 * gamma))


def rgb_space(primaries: tuple[XY, XY, XY], white: XY, gamma: float) -> RGBSpace:
    matrix = _to_xyz(primaries, white)
    tags = {
        b"wtpt": _xyz(D50_XYZ),
        b"rXYZ": _xyz(matrix[:, 0]),
        b"gXYZ": _xyz(matrix[:, 1]),
        b"bXYZ": _xyz(matrix[:, 2]),
    }
    curves = dict.fromkeys((b"rTRC", b"gTRC", b"bTRC"), _curve(gamma))
    return RGBSpace("RGB", _profile(b"mntr", b"RGB ", b"XYZ ", {**tags, **curves}), matrix, round(256 * gamma) / 256)


def grey_space(gamma: float) -> Space:
    return Space("L", _profile(b"mntr", b"GRAY", b"XYZ ", {b"wtpt": _xyz(D50_XYZ), b"kTRC": _curve(gamma)}))


def cmyk_space() -> Space:
    """Build the space of a printer of the four inks, as a table of Lab colours (lut8)."""
    steps = np.linspace(0, 1, GRID)
    relative = inks_to_xyz(np.stack(np.meshgrid(*[steps] * 4, indexing="ij"), -1).reshape(-1, 4)) / D50_XYZ
    f = np.where(relative > 0.008856, np.cbrt(relative), 7.787 * relative + 16 / 116)
    lab = np.stack([(116 * f[:, 1] - 16) * 2.55, 500 * (f[:, 0] - f[:, 1]) + 128, 200 * (f[:, 1] - f[:, 2]) + 128], -1)
    linear = bytes(range(256))
    table = struct.pack(">4s4x4B", b"mft1", 4, 3, GRID, 0) + _fixed(1, 0, 0, 0, 1, 0, 0, 0, 1)
    table += linear * 4 + lab.round().clip(0, 255).astype(np.uint8).tobytes() + linear * 3
    return Space("CMYK", _profile(b"prtr", b"CMYK", b"Lab ", {b"wtpt": _xyz(D50_XYZ), b"A2B0": table}))


SRGB_TO_XYZ = _to_xyz(SRGB_PRIMARIES, D65)
DISPLAY_P3 = rgb_space(((0.680, 0.320), (0.265, 0.690), (0.150, 0.060)), D65, 2.2)
ADOBE_RGB = rgb_space(((0.64, 0.33), (0.21, 0.71), (0.15, 0.06)), D65, 2.2)
PROPHOTO = rgb_space(((0.7347, 0.2653), (0.1596, 0.8404), (0.0366, 0.0001)), D50, 1.8)
GREY = grey_space(1.5)
CMYK = cmyk_space()
