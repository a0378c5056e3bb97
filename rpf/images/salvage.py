"""Recovery of whole pixels from image files with damaged metadata or a missing end.

Browsers show such files. Pillow refuses them, or fills what is missing with grey by a setting of the whole process.
"""

import re
import struct
import zlib
from collections.abc import Callable, Iterator

from PIL.PngImagePlugin import MAX_TEXT_CHUNK

MAX_PARTS = 100_000  # segments of a JPEG, chunks of a PNG or WebP; programs write 20,000 at most into 16 MB

JPEG_START, JPEG_END = b"\xff\xd8", b"\xff\xd9"
JPEG_MARKER = re.compile(rb"\xff[^\x00\xff]")
JPEG_SCAN_END = re.compile(rb"\xff[^\x00\xff\xd0-\xd7]")  # neither a stuffed byte nor a restart marker
JPEG_SEGMENTS = {*range(0xC0, 0xD0), *range(0xDA, 0xDE), *range(0xE0, 0xF0), 0xFE}
JPEG_ALONE = {0x01, *range(0xD0, 0xD8)}  # markers without a header
JPEG_TABLES = (0xC4, 0xC8, 0xCC)  # the markers from 0xC0 to 0xCF that begin no frame
JPEG_SCAN, JPEG_METADATA = 0xDA, 0xE0  # the latter and all markers above it
PROGRESSIVE = (0xC2, 0xC6, 0xCA, 0xCE)
# Bits that decode to anything but the zeros that libjpeg puts in the place of missing ones.
JUNK = b"\xb6\x92" + bytes(89 * number % 251 for number in range(1, 63))

PNG_END = b"\0\0\0\0IEND\xaeB`\x82"
PNG_PIXELS, PNG_COLOURS = (b"IHDR", b"PLTE", b"IDAT"), (b"tRNS", b"iCCP", b"eXIf")
TRANSPARENCY_BYTES = {0: 2, 2: 6, 3: 1}  # by colour type

WEBP_CHUNKS = (b"VP8X", b"VP8 ", b"VP8L", b"ALPH", b"ANIM", b"ANMF", b"ICCP", b"EXIF")

# Tags for sizes, strips, tiles, compression and colours, the orientation and the ICC profile.
TIFF_TAGS = {
    254, *range(256, 260), 262, 266, 273, 274, *range(277, 280), 284, 292, 293, 317, 320, *range(322, 326), 332,
    338, 339, 347, *range(512, 522), *range(529, 533), 34675,
}  # fmt: skip
TIFF_UNUSED = 65535

AVIF_EXIF_ITEM = re.compile(rb"(infe(?:\x02.{5}|\x03.{7})..)Exif", re.DOTALL)

ORIENTATION, SHORT, LONG = 0x0112, 3, 4


def orientation(exif: bytes) -> int:
    """Read the orientation (1 to 8) from EXIF bytes; 1 where it is missing, malformed or out of range."""
    for _ in range(2):  # some programs write it twice
        exif = exif.removeprefix(b"Exif\0\0")
    order = {b"II": "<", b"MM": ">"}.get(exif[:2])
    if order is None:
        return 1
    try:
        for at, tag in _tiff_tags(exif, order):
            (kind,) = struct.unpack_from(order + "H", exif, at + 2)
            if tag == ORIENTATION and kind in (SHORT, LONG):
                (value,) = struct.unpack_from(order + ("H" if kind == SHORT else "I"), exif, at + 8)
                return value if 1 <= value <= 8 else 1
    except struct.error:  # cut off
        pass
    return 1


def _tiff_tags(data: bytes, order: str) -> Iterator[tuple[int, int]]:
    """Yield the position and tag of each entry of the first directory; struct.error where the file is cut off."""
    (start,) = struct.unpack_from(order + "I", data, 4)
    (entries,) = struct.unpack_from(order + "H", data, start)
    for at in range(start + 2, start + 2 + 12 * entries, 12):
        yield at, *struct.unpack_from(order + "H", data, at)


def candidates(data: bytes) -> list[bytes]:
    """Rewrite an image file without the metadata that pixels do not need, and with an end.

    Where the end is missing there are two candidates with different ends. The pixels of `data` are whole if every
    candidate decodes, all to the same image: missing pixels would come from the end. The list is empty where pixels
    are missing for certain, or where nothing can be done.
    """
    rewrite = next((rewrite for at, magic, rewrite in FORMATS if data.startswith(magic, at)), None)
    try:
        return rewrite(data) if rewrite else []
    except (IndexError, ValueError, struct.error):  # a part is shorter than it has to be
        return []


def count_scans(jpeg: bytes) -> int:
    """Count the scans of a JPEG's first image, whatever follows it; at most `MAX_PARTS`."""
    return sum(marker == JPEG_SCAN for marker, *_ in _segments(jpeg))


def _segments(jpeg: bytes) -> Iterator[tuple[int, int, int, int]]:
    """Walk over the segments up to the end mark: the marker, the start, the header's end, and that of a scan's data.

    The walk ends early where the file does, and where libjpeg would give up, which matters only to what follows.
    """
    at = 2
    for _ in range(MAX_PARTS):
        match = JPEG_MARKER.search(jpeg, at)
        if match is None:
            return
        start, marker = match.start(), jpeg[match.start() + 1]
        if marker == JPEG_END[1]:
            yield marker, start, start + 2, start + 2
            return
        if marker in JPEG_ALONE:
            at = start + 2
            continue
        # libjpeg takes a length below 2, which counts itself, for 2.
        header_end = at = start + 2 + max(2, int.from_bytes(jpeg[start + 2 : start + 4], "big"))
        if marker not in JPEG_SEGMENTS or header_end > len(jpeg):
            return
        if marker == JPEG_SCAN:
            match = JPEG_SCAN_END.search(jpeg, header_end)
            at = match.start() if match else len(jpeg)
        yield marker, start, header_end, at


def _jpeg(data: bytes) -> list[bytes]:
    parts = [JPEG_START]
    frame, missing = 0, {(0, 0)}  # pairs of component and coefficient that no scan has brought to the last bit
    restart = 0  # the number of the restart marker that would come next
    for marker, start, header_end, end in _segments(data):
        content = data[start + 4 : header_end]
        if marker == JPEG_END[1]:
            return [b"".join(parts) + JPEG_END]
        if marker == JPEG_SCAN:
            scan = data[header_end:end].rstrip(b"\xff")
            parts.append(data[start:header_end] + scan)
            missing -= _completed(content, frame in PROGRESSIVE)
            last = max(range(8), key=lambda number: scan.rfind(bytes((0xFF, 0xD0 + number))))
            restart = (last + 1) % 8 if bytes((0xFF, 0xD0 + last)) in scan else 0
        elif marker >= JPEG_METADATA:
            parts.append(_jpeg_metadata(marker, content))
        else:
            parts.append(data[start:end])
            if marker < JPEG_SCAN and marker not in JPEG_TABLES:
                frame, missing = marker, {(component, k) for component in content[6::3] for k in range(64)}
    whole = b"".join(parts)
    # A decoder that lacks nothing skips the junk; one between two restart markers skips what precedes the next one.
    junk = JUNK + bytes((0xFF, 0xD0 + restart)) + JUNK
    return [] if missing else [whole + junk + JPEG_END, whole + JPEG_END]


def _completed(header: bytes, progressive: bool) -> set[tuple[int, int]]:
    """Name the component and number of the coefficients that a scan leaves with no bit to come."""
    count = header[0]
    first, last, bits = header[1 + 2 * count : 4 + 2 * count] if progressive else (0, 63, 0)
    complete = bits & 15 == 0
    return {(component, k) for component in header[1 : 1 + 2 * count : 2] for k in range(first, last + 1) if complete}


def _jpeg_metadata(marker: int, content: bytes) -> bytes:
    """Rewrite an application segment or a comment: what tells of colours stays, of EXIF the orientation."""
    if marker == 0xE1 and content.startswith(b"Exif\0\0"):
        content = b"Exif\0\0MM\0*\0\0\0\x08\0\1\x01\x12\0\3\0\0\0\1\0%c\0\0\0\0\0\0" % orientation(content)
    elif not (
        (marker == 0xE0 and content.startswith(b"JFIF\0") and len(content) >= 14)
        or (marker == 0xE2 and content.startswith(b"ICC_PROFILE\0") and len(content) > 14)
        or (marker == 0xEE and content.startswith(b"Adobe") and len(content) >= 12)
    ):
        return b""
    return struct.pack(">BBH", 0xFF, marker, len(content) + 2) + content


def _png(data: bytes) -> list[bytes]:
    parts = [data[:8]]
    for at in _chunks(data, 8, ">I4x", 12):
        name, chunk = data[at.start + 4 : at.start + 8], data[at]
        if name in PNG_PIXELS or (name in PNG_COLOURS and _is_sound(name, chunk[4:], data[25])):
            parts.append(chunk)
    return [b"".join(parts) + PNG_END]


def _chunks(data: bytes, start: int, length_format: str, overhead: int, alignment: int = 1) -> Iterator[slice]:
    """Yield the places of whole chunks from `start` on; ends at PNG's end and where the file is cut off.

    length_format: of the 8 bytes of a chunk's head; overhead: bytes of a chunk beside its content.
    """
    for _ in range(MAX_PARTS):
        if len(data) < start + 8 or data[start + 4 : start + 8] == b"IEND":
            return
        (length,) = struct.unpack_from(length_format, data, start)
        end = start + overhead + length
        if end > len(data):
            return
        yield slice(start, end)
        start = end + length % alignment


def _is_sound(name: bytes, chunk: bytes, colour_type: int) -> bool:
    """Check an ancillary chunk of a PNG (name, content, checksum) for what Pillow would refuse the file."""
    content = chunk[4:-4]
    if zlib.crc32(chunk[:-4]) != int.from_bytes(chunk[-4:], "big"):
        return False
    if name == b"tRNS":
        return colour_type in TRANSPARENCY_BYTES and len(content) >= TRANSPARENCY_BYTES[colour_type]
    if name == b"iCCP":
        _, _, compressed = content.partition(b"\0")
        decompressor = zlib.decompressobj()
        try:
            decompressor.decompress(compressed[1:], MAX_TEXT_CHUNK)
        except zlib.error:
            return False
        return compressed.startswith(b"\0") and not decompressor.unconsumed_tail
    return True


def _webp(data: bytes) -> list[bytes]:
    chunks = [data[at] for at in _chunks(data, 12, "<4xI", 8, alignment=2)]
    parts = [chunk + bytes(len(chunk) % 2) for chunk in chunks if chunk.startswith(WEBP_CHUNKS)]
    content = b"WEBP" + b"".join(parts)
    return [b"RIFF" + struct.pack("<I", len(content)) + content]


def _tiff(data: bytes) -> list[bytes]:
    """Blank the entries that pixels do not need: Pillow ignores what follows a broken one."""
    order, rewritten = "<" if data.startswith(b"II") else ">", bytearray(data)
    for at, tag in _tiff_tags(data, order):
        if tag not in TIFF_TAGS:
            struct.pack_into(order + "2HI4x", rewritten, at, TIFF_UNUSED, 1, 1)
    return _with_fillers(bytes(rewritten))


def _avif(data: bytes) -> list[bytes]:
    """Hide EXIF from libavif, which refuses the file for what is wrong with it."""
    hidden = AVIF_EXIF_ITEM.sub(rb"\1free", data)
    return [] if hidden == data else [hidden]


def _with_fillers(data: bytes) -> list[bytes]:
    """Append zeros or ones, for a last block that is longer than its pixels."""
    return [data + bytes(256), data + b"\xff" * 256]


FORMATS: tuple[tuple[int, bytes, Callable[[bytes], list[bytes]]], ...] = (
    (0, JPEG_START + b"\xff", _jpeg),
    (0, b"\x89PNG\r\n\x1a\n", _png),
    (8, b"WEBP", _webp),
    (0, b"II*\0", _tiff),
    (0, b"MM\0*", _tiff),
    (4, b"ftypavi", _avif),
    (0, b"GIF8", _with_fillers),
)
