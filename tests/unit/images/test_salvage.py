"""Damaged files: those that browsers show and Pillow refuses, and those whose pixels are missing."""

import io
import struct
import zlib
from functools import cache
from pathlib import Path

import numpy as np
import numpy.typing as npt
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from PIL import Image

from rpf.errors import BadImage
from rpf.images import decode, salvage
from tests.support.colour_profiles import DISPLAY_P3

ORIENTATION = struct.pack("<HHI2H", 0x0112, 3, 1, 6, 0)


def photo(width: int = 96, height: int = 64, seed: int = 3) -> Image.Image:
    """Draw smooth shades with a little noise, so that neighbouring pixels differ."""
    x, y = np.meshgrid(np.linspace(0, 255, width), np.linspace(0, 255, height))
    noise = np.random.default_rng(seed).normal(0, 12, (height, width, 3))
    return Image.fromarray((np.stack([x, y, 255 - x], axis=-1) + noise).clip(0, 255).astype(np.uint8))


def encoded(kind: str, image: Image.Image | None = None, **options: object) -> bytes:
    out = io.BytesIO()
    (image or photo()).save(out, kind, **options)
    return out.getvalue()


def opened(data: bytes) -> npt.NDArray[np.int64]:
    return np.asarray(decode.open_image(data)).astype(int)


def directory(*entries: bytes, following: int = 0) -> bytes:
    """Build a TIFF header and its first directory; values that the entries point to may be appended."""
    return b"II*\0" + struct.pack("<IH", 8, len(entries)) + b"".join(entries) + struct.pack("<I", following)


def entry(tag: int, kind: int, count: int, value: bytes) -> bytes:
    return struct.pack("<HHI4s", tag, kind, count, value)


def segment(marker: int, content: bytes) -> bytes:
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def chunk(name: bytes, content: bytes, damage: int = 0) -> bytes:
    return struct.pack(">I", len(content)) + name + content + struct.pack(">I", zlib.crc32(name + content) ^ damage)


def with_segments(*segments: bytes) -> bytes:
    jpeg = encoded("JPEG")
    return jpeg[:2] + b"".join(segments) + jpeg[2:]


def with_chunks(*chunks: bytes) -> bytes:
    png = encoded("PNG")
    return png[:33] + b"".join(chunks) + png[33:]


def with_webp_chunks(*chunks: tuple[bytes, bytes], flags: int = 0) -> bytes:
    """Build an extended WebP with chunks behind its pixels."""
    content = [(b"VP8X", bytes([flags, 0, 0, 0, 95, 0, 0, 63, 0, 0])), *chunks]
    parts = [name + struct.pack("<I", len(data)) + data + bytes(len(data) % 2) for name, data in content]
    inner = b"WEBP" + parts[0] + encoded("WEBP", lossless=True)[12:] + b"".join(parts[1:])
    return b"RIFF" + struct.pack("<I", len(inner)) + inner


EXIF = {
    "rational far away": directory(ORIENTATION, entry(0x011A, 5, 1, struct.pack("<I", 60_000))),
    "rational 0/0": directory(ORIENTATION, entry(0x011A, 5, 1, struct.pack("<I", 38))) + bytes(8),
    "negative rational": directory(ORIENTATION, entry(0x011A, 10, 1, struct.pack("<I", 38))) + b"\xff" * 4 + bytes(4),
    "resolution as text": directory(ORIENTATION, entry(0x011A, 2, 2, b"7"), entry(0x0128, 3, 1, b"\2")),
    "text beyond ASCII": directory(ORIENTATION, entry(0x010F, 2, 4, b"\xff\xfe\x80\0")),
    "unknown type": directory(entry(0x0100, 99, 9, b""), ORIENTATION),
    "a circle": directory(ORIENTATION, entry(0x8769, 4, 1, b"\x08"), entry(0x8825, 4, 1, b"\x08"), following=8),
    "text for an offset": directory(ORIENTATION, entry(0x8769, 2, 4, b"abcd")),
    "more entries than there are": b"II*\0" + struct.pack("<IH", 8, 65535) + ORIENTATION,
    "a long orientation": directory(entry(0x0112, 4, 1, b"\6")),
    "big endian, twice the prefix": b"Exif\0\0MM\0*\0\0\0\x08\0\1\1\x12\0\3\0\0\0\1\0\6\0\0",
}
UNTURNED = {
    "nothing": b"",
    "junk": b"junk, and more of it",
    "a header alone": b"II*\0",
    "a directory far away": b"II*\0\xff\xff\xff\xff",
    "orientation as text": directory(entry(0x0112, 2, 2, b"6")),
    "orientation as a rational": directory(entry(0x0112, 5, 1, struct.pack("<I", 26))) + struct.pack("<2I", 6, 1),
    "orientation of an unknown type": directory(entry(0x0112, 99, 1, b"\6")),
    "orientation 0": directory(entry(0x0112, 3, 1, b"\0")),
    "orientation 9": directory(entry(0x0112, 3, 1, b"\x09")),
    "orientation 65542": directory(entry(0x0112, 4, 1, b"\6\0\1")),
}


def embedded(kind: str, exif: bytes) -> bytes:
    if kind == "JPEG":
        return with_segments(segment(0xE1, b"Exif\0\0" + exif))
    if kind == "PNG":
        return with_chunks(chunk(b"eXIf", exif))
    return with_webp_chunks((b"EXIF", exif), flags=8)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("name", EXIF)
def test_open_image_orientation_beside_damaged_exif_turns(kind: str, name: str) -> None:
    plain = encoded(kind, lossless=True) if kind == "WEBP" else encoded(kind)
    assert (opened(embedded(kind, EXIF[name])) == opened(plain).swapaxes(0, 1)[:, ::-1]).all()


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP"])
@pytest.mark.parametrize("name", UNTURNED)
def test_open_image_exif_without_usable_orientation_does_not_turn(kind: str, name: str) -> None:
    plain = encoded(kind, lossless=True) if kind == "WEBP" else encoded(kind)
    assert (opened(embedded(kind, UNTURNED[name])) == opened(plain)).all()


@pytest.mark.parametrize("kind", ["HEIF", "AVIF"])
@pytest.mark.parametrize("name", [*EXIF, *UNTURNED])
def test_open_image_heif_and_avif_ignore_exif(kind: str, name: str) -> None:
    mark = directory(entry(0x010F, 2, 300, struct.pack("<I", 26))) + b"m" * 299 + b"\0"
    data = encoded(kind, exif=b"Exif\0\0" + mark)
    at = data.index(b"m" * 299) - 26
    exif = (EXIF | UNTURNED)[name].ljust(len(mark), b"\0")
    assert (opened(data[:at] + exif + data[at + len(mark) :]) == opened(encoded(kind))).all()


@given(st.binary(max_size=80), st.sampled_from([b"", b"II*\0\x08\0\0\0", b"Exif\0\0MM\0*\0\0\0\x08"]))
def test_orientation_any_bytes_is_1_to_8(exif: bytes, start: bytes) -> None:
    assert 1 <= salvage.orientation(start + exif) <= 8


@given(st.lists(st.integers(0, 65535).filter(lambda tag: tag != 0x0112), max_size=20), st.integers(1, 8), st.booleans())
def test_orientation_among_other_entries_is_read(tags: list[int], value: int, big: bool) -> None:
    order = ">" if big else "<"
    entries = [struct.pack(order + "2H2I", tag, 5, 1, 2**32 - 1) for tag in tags]
    entries.insert(len(tags) // 2, struct.pack(order + "2HI2H", 0x0112, 3, 1, value, 0))
    exif = (b"MM\0*" if big else b"II*\0") + struct.pack(order + "IH", 8, len(entries)) + b"".join(entries)
    assert salvage.orientation(b"Exif\0\0" + exif) == value


def test_open_image_xmp_orientation_does_not_turn() -> None:
    xmp = b'<x tiff:Orientation="6"/>'
    assert opened(with_segments(segment(0xE1, b"http://ns.adobe.com/xap/1.0/\0" + xmp))).shape[:2] == (64, 96)
    assert opened(with_chunks(chunk(b"iTXt", b"XML:com.adobe.xmp\0\0\0\0\0" + xmp))).shape[:2] == (64, 96)
    assert opened(encoded("TIFF", tiffinfo={700: xmp})).shape[:2] == (64, 96)


def test_open_image_files_reported_by_users_open(shared: Path) -> None:
    assert decode.open_image(shared / "reports" / "exif_bad_rational.jpg").size == (640, 480)
    assert decode.open_image(shared / "reports" / "truncated_2bytes.jpg").size == (2880, 3840)


def test_open_image_empty_file_is_called_empty(tmp_path: Path) -> None:
    (tmp_path / "a.jpg").touch()
    for source in (b"", tmp_path / "a.jpg"):
        with pytest.raises(BadImage, match="is empty"):
            decode.open_image(source)


@pytest.mark.parametrize("marker", [0xE0, 0xE1, 0xE2, 0xED, 0xEE, 0xFE])
def test_open_image_jpeg_with_damaged_segment_opens(marker: int) -> None:
    contents = (
        b"", b"JFIF", b"JFIF\0", b"Adobe", b"Exif\0\0", b"ICC_PROFILE\0", b"ICC_PROFILE\0\1\1x", b"ICC_PROFILE\0\1\2x",
        b"MPF\0", b"MPF\0II*\0x", b"Photoshop 3.0\0008BIM", b"Photoshop 3.0\0008BIM\3\xed\0\0\0\0\0\2ab", b"FPXR\0",
    )  # fmt: skip
    for content in contents:
        assert (opened(with_segments(segment(marker, content))) == opened(encoded("JPEG"))).all(), content


def test_open_image_jpeg_with_damaged_segment_keeps_profile_and_turn() -> None:
    profile = segment(0xE2, b"ICC_PROFILE\0\1\1" + DISPLAY_P3.profile)
    exif = segment(0xE1, b"Exif\0\0" + EXIF["rational 0/0"])
    whole = opened(with_segments(profile, exif))
    assert (opened(with_segments(segment(0xEE, b"Adobe"), profile, exif, segment(0xE0, b"JFIF"))) == whole).all()
    assert whole.shape[:2] == (96, 64)
    assert abs(whole - opened(encoded("JPEG")).swapaxes(0, 1)[:, ::-1]).max() > 20


def test_open_image_mpo_with_damaged_index_or_second_frame_opens() -> None:
    mpo = encoded("MPO", save_all=True, append_images=[photo(seed=4)])
    first = opened(mpo)
    for data in (mpo[:-200], mpo[: mpo.index(b"\xff\xd9") + 300], mpo[: mpo.index(b"\xff\xd9")]):
        assert (opened(data) == first).all()
    for entries in ((entry(0xB001, 2, 2, b"2"),), (entry(0xB001, 4, 1, b"\2"), entry(0xB002, 7, 4, b"abcd"))):
        assert (opened(with_segments(segment(0xE2, b"MPF\0" + directory(*entries)))) == opened(encoded("JPEG"))).all()


@pytest.mark.parametrize(
    "name", ["eXIf", "tEXt", "zTXt", "iTXt", "iCCP", "gAMA", "cHRM", "sRGB", "pHYs", "tRNS", "acTL", "fcTL", "abCd"]
)
def test_open_image_png_with_damaged_chunk_opens(name: str) -> None:
    whole = opened(encoded("PNG"))
    for content, damage in ((b"Comment\0\0\0\0\0\0\0", 1), (b"", 0), (b"\xff\xfe\xfd" * 3, 0), (b"a\0\1\1\1", 0)):
        assert (opened(with_chunks(chunk(name.encode(), content, damage))) == whole).all(), content


def test_open_image_png_with_damaged_chunk_keeps_profile_and_transparency() -> None:
    clear = encoded("PNG", photo().quantize(16), transparency=bytes([0, 128] * 8), icc_profile=DISPLAY_P3.profile)
    damaged = clear[:33] + chunk(b"tEXt", b"a\0b", damage=1) + clear[33:]
    assert (opened(damaged) == opened(clear)).all()
    assert abs(opened(clear) - opened(encoded("PNG", photo().quantize(16)))).max() > 100


def test_open_image_png_with_a_profile_or_text_of_60_mb_opens_untagged() -> None:
    content = zlib.compress(bytes(60_000_000), 9)
    for bomb in (chunk(b"iCCP", b"icc\0\0" + content), chunk(b"zTXt", b"Comment\0\0" + content)):
        assert (opened(with_chunks(bomb)) == opened(encoded("PNG"))).all()


def test_open_image_png_cut_behind_its_pixels_opens() -> None:
    png = encoded("PNG")
    with_text = png[:-12] + chunk(b"tEXt", b"Comment\0" + b"x" * 50) + png[-12:]
    for data in (*(png[:-cut] for cut in range(1, 17)), with_text[:-20], with_text[:-60]):
        assert (opened(data) == opened(png)).all()
    for cut in range(30, len(png) - 60, 97):
        with pytest.raises(BadImage):
            decode.open_image(png[:-cut])


def test_open_image_webp_with_damaged_metadata_opens() -> None:
    whole = opened(encoded("WEBP", lossless=True))
    intact = with_webp_chunks((b"XMP ", b"<x/>" * 20), (b"EXIF", EXIF["a circle"]), flags=12)
    for cut in range(1, 40):
        assert (opened(intact[:-cut]) == whole).all()
    assert (opened(with_webp_chunks((b"ICCP", b"junk"), flags=32)) == whole).all()
    lengthy = intact.replace(b"XMP P\0\0\0", b"XMP \xff\xff\xff\0")
    assert lengthy != intact
    assert (opened(lengthy) == whole).all()
    pixels = encoded("WEBP", lossless=True)
    for cut in range(4, len(pixels) - 40, 211):
        with pytest.raises(BadImage):
            decode.open_image(pixels[:-cut])


@pytest.mark.parametrize("kind", ["GIF", "PNG", "WEBP"])
def test_open_image_animation_cut_behind_its_first_frame_opens(kind: str) -> None:
    options = {"lossless": True} if kind == "WEBP" else {}
    data = encoded(kind, save_all=True, append_images=[photo(seed=4), photo(seed=5)], **options)
    for share in (0.4, 0.5, 0.7, 0.9, 0.99):
        assert (opened(data[: int(len(data) * share)]) == opened(data)).all()
    with pytest.raises(BadImage):
        decode.open_image(data[: len(data) // 4])


def test_open_image_gif_without_trailer_opens_and_cut_further_does_not() -> None:
    gif = encoded("GIF")
    for cut in (1, 2, 3):
        assert (opened(gif[:-cut]) == opened(gif)).all()
    for cut in range(8, len(gif) - 800, 29):
        with pytest.raises(BadImage):
            decode.open_image(gif[:-cut])


@pytest.mark.parametrize("compression", [None, "tiff_lzw", "jpeg", "tiff_adobe_deflate"])
def test_open_image_tiff_with_damaged_tags_opens(compression: str | None) -> None:
    tags = {0x0112: 6, 0x010F: "maker", 0x011A: 72.0, 0x0131: "program", 700: b"<xmp/>", 33723: b"iptc", 34853: 8}
    tiff = encoded("TIFF", compression=compression, tiffinfo=tags)
    whole = opened(tiff)
    assert whole.shape[:2] == (96, 64)
    (start,) = struct.unpack_from("<I", tiff, 4)
    (count,) = struct.unpack_from("<H", tiff, start)
    damages = (
        b"\x02\0\4\0\0\0\xff\xff\xff\x7f",
        b"\x02\0\xff\xff\xff\x7f",
        b"\x63\0",
        b"\x05\0\1\0\0\0\xff\xff\xff\x7f",
    )
    for at in range(start + 2, start + 2 + 12 * count, 12):
        if struct.unpack_from("<H", tiff, at)[0] in tags.keys() - {0x0112}:
            for damage in damages:
                assert (opened(tiff[: at + 2] + damage + tiff[at + 2 + len(damage) :]) == whole).all(), (at, damage)


JPEGS = {
    "baseline": {},
    "optimised": {"optimize": True, "quality": 40},
    "progressive": {"progressive": True},
    "best": {"quality": 95, "subsampling": 0},
    "restarts": {"restart_marker_blocks": 2},
    "progressive restarts": {"progressive": True, "restart_marker_rows": 1},
}


@pytest.mark.parametrize("mode", ["RGB", "L", "CMYK"])
@pytest.mark.parametrize("name", JPEGS)
def test_open_image_jpeg_without_end_marker_opens_and_cut_further_does_not(name: str, mode: str) -> None:
    jpeg = encoded("JPEG", photo().convert(mode), **JPEGS[name])
    whole = opened(jpeg)
    for cut in (1, 2):
        assert (opened(jpeg[:-cut]) == whole).all()
    for cut in (*range(3, 120), *range(120, len(jpeg), 97)):
        assert is_refused_or_whole(jpeg[:-cut], whole, cut), cut
    for at in range(700 if mode == "RGB" else 300, len(jpeg) - 10):
        if jpeg[at] == 0xFF and jpeg[at + 1] != 0:  # between two scans, or two restart intervals
            for data in (jpeg[:at], jpeg[: at + 1], jpeg[: at + 2]):
                assert is_refused_or_whole(data, whole, len(jpeg) - at), at


def is_refused_or_whole(data: bytes, whole: npt.NDArray[np.int64], cut: int) -> bool:
    """Check that a cut file is refused, or opens as the whole one; a few pixels may differ if few bytes are missing."""
    try:
        image = opened(data)
    except BadImage:
        return True
    return (image != whole).any(axis=-1).sum() <= (64 if cut < 12 else 0)


@settings(derandomize=True)
@given(st.integers(0, 2**32 - 1), st.sampled_from(sorted(JPEGS)), st.floats(0, 0.9))
def test_open_image_jpeg_cut_anywhere_is_refused_or_whole(seed: int, name: str, share: float) -> None:
    jpeg = encoded("JPEG", photo(64, 48, seed), **JPEGS[name])
    cut = 1 + int(share * len(jpeg))
    data, whole = jpeg[:-cut], opened(jpeg)
    if cut <= 2:
        assert (opened(data) == whole).all()
    else:
        assert is_refused_or_whole(data, whole, cut)


def test_open_image_jpeg_with_junk_at_its_end_opens() -> None:
    jpeg = encoded("JPEG")
    whole = opened(jpeg)
    for data in (
        jpeg + b"junk\xff" * 9,
        jpeg[:-2] + b"junk" * 9 + jpeg[-2:],
        jpeg[:-2] + b"junk\xff\xff\xff" * 9 + jpeg[-2:],
        jpeg[:-2] + b"\xff",
        jpeg[:-2] + b"junk" * 9,
        jpeg[:-2] + jpeg,
        jpeg[:-2] + b"\xff\xe1\xff\xffExif",
    ):
        assert (opened(data) == whole).all()


def test_open_image_jpeg_of_many_scans_is_refused_before_decoding_them() -> None:
    jpeg = encoded("JPEG", Image.new("L", (2000, 2000)), progressive=True)
    last = jpeg[jpeg.rindex(b"\xff\xda") : -2]
    with pytest.raises(BadImage, match="scans"):
        decode.open_image(jpeg[:-2] + last * 5000 + jpeg[-2:])
    stray = b"\xff\xd0\xff\x01\xff\xef\0\0"  # markers and a length that libjpeg tolerates
    with pytest.raises(BadImage, match="scans"):
        decode.open_image(jpeg[:-2] + (last + stray) * 5000 + jpeg[-2:])
    motion_photo = jpeg + b"\0\0\0\x18ftypmp42" + b"\xff\xda\0" * 50_000  # a film behind the image
    assert decode.open_image(motion_photo).size == (2000, 2000)


@cache
def small_file(kind: str) -> bytes:
    return encoded(kind, photo(24, 20), progressive=True)


@pytest.mark.parametrize("kind", ["JPEG", "PNG", "WEBP", "GIF", "TIFF", "AVIF"])
@given(st.integers(0, 2**16), st.lists(st.tuples(st.integers(0, 2**16), st.binary(min_size=1, max_size=6)), max_size=4))
def test_candidates_any_damage_gives_files(kind: str, length: int, damage: list[tuple[int, bytes]]) -> None:
    data = bytearray(small_file(kind)[:length])
    for at, content in damage:
        at %= len(data) + 1
        data[at : at + len(content)] = content
    for candidate in salvage.candidates(bytes(data)):
        assert len(candidate) <= len(data) + 600
