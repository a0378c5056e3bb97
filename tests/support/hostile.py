"""Hostile requests: some hundred malformed or malicious ones, made from fixed seeds."""

# ruff: noqa: E501  (long lists of values)

import io
import json
import random
import struct
import zipfile
import zlib
from collections.abc import Iterator
from dataclasses import dataclass, field

import pillow_heif
from PIL import Image

ATTRS = "sleeve length"
FORMATS = ("JPEG", "PNG", "WEBP", "GIF", "BMP", "TIFF", "AVIF", "HEIF")
pillow_heif.register_heif_opener()


@dataclass(frozen=True)
class Hostile:
    """Hostile request; `raw`, if set, is sent as it is, in place of all else."""

    name: str
    path: str = "/submit"
    method: str = "POST"
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)
    raw: bytes = b""


def requests() -> list[Hostile]:
    """Return all requests; each name is unique."""
    hostile = [*_images(), *_bombs(), *_polyglots(), *_names(), *_paths(), *_json(), *_forms(), *_headers(), *_pages()]
    assert len({one.name for one in hostile}) == len(hostile)
    return hostile


def form(
    image: bytes, name: str = "photo.jpg", kind: str = "image/jpeg", **fields: str
) -> tuple[bytes, dict[str, str]]:
    """Build a multipart body as browsers do, its names unescaped, and its headers."""
    edge = b"----edge7d1a"
    parts = [
        b'--%s\r\nContent-Disposition: form-data; name="%s"\r\n\r\n%s\r\n' % (edge, key.encode(), value.encode())
        for key, value in {"attrs": ATTRS, **fields}.items()
    ]
    head = f'Content-Disposition: form-data; name="image"; filename="{name}"\r\nContent-Type: {kind}\r\n\r\n'
    parts.append(b"--%s\r\n%s%s\r\n" % (edge, head.encode("utf-8", "surrogatepass"), image))
    return b"".join(parts) + b"--%s--\r\n" % edge, {"Content-Type": f"multipart/form-data; boundary={edge.decode()}"}


def upload(name: str, image: bytes, file: str = "photo.jpg", kind: str = "image/jpeg", **fields: str) -> Hostile:
    body, headers = form(image, file, kind, **fields)
    return Hostile(name, body=body, headers=headers)


def encoded(kind: str, size: tuple[int, int] = (64, 80), **options: object) -> bytes:
    """Encode a small image of a gradient."""
    out = io.BytesIO()
    image = Image.linear_gradient("L").resize(size).convert("RGB")
    image.save(out, kind, **options)
    return out.getvalue()


def _images() -> Iterator[Hostile]:
    for kind in FORMATS:
        whole, rng = encoded(kind), random.Random(kind)
        for part in range(1, 13):
            yield upload(f"{kind} cut off at {part}/13", whole[: len(whole) * part // 13])
        for number in range(12):
            damaged = bytearray(whole)
            for _ in range(1 + number % 4):
                damaged[rng.randrange(len(damaged))] ^= 1 << rng.randrange(8)
            yield upload(f"{kind} with flipped bits {number}", bytes(damaged))
        yield upload(f"{kind} called otherwise", whole, "photo.txt", "text/plain")
        yield upload(f"{kind} with something behind it", whole + rng.randbytes(5000))
        yield upload(f"{kind} with something before it", rng.randbytes(50) + whole)
        yield upload(f"{kind}: its first bytes alone", whole[:12])
        yield upload(f"{kind} of one pixel", encoded(kind, (1, 1)) if kind != "HEIF" else whole[:200])
    yield upload("nothing", b"")
    yield upload("one byte", b"\0")
    yield upload("zeros", bytes(100_000))
    yield upload("noise", random.Random(1).randbytes(200_000))
    for orientation in (0, 9, 255, 65535):
        exif = Image.Exif()
        exif[0x0112] = orientation
        yield upload(f"orientation {orientation}", encoded("JPEG", exif=exif))
    exif = Image.Exif()
    exif[0x010E] = "x" * 60_000
    yield upload("long EXIF", encoded("JPEG", exif=exif))
    whole = encoded("JPEG")
    many = b"".join(b"\xff\xe1" + struct.pack(">H", 65_000) + b"Exif\0\0" + bytes(64_992) for _ in range(150))
    yield upload("many megabytes of EXIF", whole[:2] + many + whole[2:])
    loop = b"Exif\0\0II*\0" + struct.pack("<IHHHIII", 8, 1, 0x8769, 4, 1, 8, 8)  # a directory that names itself
    yield upload("EXIF in a circle", whole[:2] + b"\xff\xe1" + struct.pack(">H", len(loop) + 2) + loop + whole[2:])
    yield upload("grey of 16 bits", _png(64, 64, 16, 0, bytes(64 * 129)))
    yield upload("a palette that is missing", _png(64, 64, 8, 3, bytes(64 * 65)))


def _png(width: int, height: int, depth: int, colour: int, data: bytes, *chunks: tuple[bytes, bytes]) -> bytes:
    def chunk(kind: bytes, content: bytes) -> bytes:
        return struct.pack(">I", len(content)) + kind + content + struct.pack(">I", zlib.crc32(kind + content))

    header = struct.pack(">IIBBBBB", width, height, depth, colour, 0, 0, 0)
    inner = b"".join(chunk(*one) for one in chunks)
    end = chunk(b"IDAT", zlib.compress(data, 9)) + chunk(b"IEND", b"")
    return b"\x89PNG\r\n\x1a\n" + chunk(b"IHDR", header) + inner + end


def _bombs() -> Iterator[Hostile]:
    yield upload("PNG that says 60000 x 60000", _png(60_000, 60_000, 8, 2, bytes(1000)))
    yield upload("PNG that says 2^31 - 1", _png(2**31 - 1, 2**31 - 1, 8, 2, b""))
    yield upload("PNG that says 0 x 0", _png(0, 0, 8, 2, b""))
    yield upload("PNG of 20000 x 20000 zeros", _png(20_000, 20_000, 1, 0, bytes(20_000 * 2_501)))
    yield upload("PNG of 8000 x 8000 in one bit", _png(8_000, 8_000, 1, 0, bytes(8_000 * 1_001)))
    yield upload("PNG of 16 x 16000", _png(16, 16_000, 8, 2, bytes(16_000 * 49)))
    yield upload("PNG of 17000 x 16", _png(17_000, 16, 8, 2, bytes(16 * 51_001)))
    text = b"Comment\0\0" + zlib.compress(bytes(60_000_000), 9)
    yield upload("PNG with 60 MB of text", _png(64, 64, 8, 2, bytes(64 * 193), (b"zTXt", text)))
    profile = b"icc\0\0" + zlib.compress(bytes(60_000_000), 9)
    yield upload("PNG with a profile of 60 MB", _png(64, 64, 8, 2, bytes(64 * 193), (b"iCCP", profile)))
    yield upload(
        "GIF that says 65535 x 65535", b"GIF89a" + struct.pack("<HH", 65535, 65535) + b"\x80\0\0" + bytes(6) + b","
    )
    frames = [Image.new("P", (64, 64), shade % 255) for shade in range(300)]
    out = io.BytesIO()
    frames[0].save(out, "GIF", save_all=True, append_images=frames[1:])
    yield upload("GIF of 300 frames", out.getvalue())
    yield upload(
        "BMP that says 30000 x 30000", encoded("BMP")[:18] + struct.pack("<ii", 30_000, 30_000) + encoded("BMP")[26:]
    )
    yield upload(
        "BMP with a height below 0", encoded("BMP")[:18] + struct.pack("<ii", 64, -(2**31)) + encoded("BMP")[26:]
    )
    jpeg = encoded("JPEG")
    at = jpeg.index(b"\xff\xc0") + 5
    yield upload("JPEG that says 65500 x 65500", jpeg[:at] + struct.pack(">HH", 65_500, 65_500) + jpeg[at + 4 :])
    tiff = encoded("TIFF")
    yield upload("TIFF whose directory is elsewhere", tiff[:4] + struct.pack("<I", 2**32 - 8) + tiff[8:])
    yield upload("TIFF whose directory is itself", tiff[:4] + struct.pack("<I", 0) + tiff[8:])
    webp = encoded("WEBP", lossless=True)
    yield upload("WebP that says 16384 x 16384", webp[:21] + b"\xff\xff\xff\xff" + webp[25:])
    yield upload("more than 16 MB", jpeg + bytes(17 * 2**20))
    yield upload("just under 16 MB", jpeg + bytes(16 * 2**20 - len(jpeg) - 10))


def _polyglots() -> Iterator[Hostile]:
    jpeg, gif = encoded("JPEG"), encoded("GIF")
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as inside:
        inside.writestr("../../etc/passwd", "x")
    script = b"<script>alert(1)</script>"
    yield upload("JPEG and ZIP", jpeg + archive.getvalue())
    yield upload("GIF and JavaScript", b"GIF89a/*" + gif[8:] + b"*/=1;alert(1)//")
    yield upload("JPEG and HTML", jpeg[:2] + b"\xff\xfe" + struct.pack(">H", len(script) + 2) + script + jpeg[2:])
    yield upload("PDF and JPEG", b"%PDF-1.4\n" + jpeg)
    yield upload("HTML", b"<!doctype html>" + script, "photo.html", "text/html")
    yield upload(
        "SVG", b'<svg xmlns="http://www.w3.org/2000/svg"><script>alert(1)</script></svg>', "a.svg", "image/svg+xml"
    )
    yield upload("SVG with an entity", b'<!DOCTYPE a [<!ENTITY b SYSTEM "file:///etc/passwd">]><svg>&b;</svg>', "a.svg")
    yield upload("EPS", b"%!PS-Adobe-3.0 EPSF-3.0\n%%BoundingBox: 0 0 99 99\nsystemdict\n", "a.eps")
    yield upload("PHP", b"<?php system($_GET[0]); ?>" + jpeg, "a.php.jpg")
    yield upload("ELF", b"\x7fELF" + bytes(500))
    yield upload("pickle", b"\x80\x04cos\nsystem\n(S'true'\ntR.")
    yield upload("TrueType", b"\0\1\0\0" + bytes(500), "a.ttf")
    yield upload("FITS", b"SIMPLE  =                    T" + b" " * 2850, "a.fits")
    yield upload("PCX", b"\x0a\x05\x01\x08" + bytes(200), "a.pcx")
    yield upload("ICO", b"\0\0\1\0\1\0" + bytes(200), "a.ico")
    yield upload("JPEG 2000", b"\0\0\0\x0cjP  \r\n\x87\n" + bytes(200), "a.jp2")


def _names() -> Iterator[Hostile]:
    jpeg = encoded("JPEG")
    names = ("../../../etc/passwd", "..\\..\\boot.ini", "/etc/passwd", "C:\\con", "a\0.jpg", "", ".", "..", "-rf", "~root",
             "a" * 5000 + ".jpg", "ảnh áo.jpg", "照片.jpg", "\u202egpj.exe", "a;b|c`d`.jpg", "$(id).jpg", "%2e%2e%2f.jpg",
             "<script>.jpg", "' OR 1=1 --.jpg", "{{7*7}}.jpg", "%s%n%x.jpg", "con.jpg", "a.jpg/..", "a\tb.jpg")  # fmt: skip
    for number, name in enumerate(names):
        yield upload(f"file name {number}", jpeg, name)


def _paths() -> Iterator[Hostile]:
    paths = ("/etc/passwd", "../../etc/passwd", "....//....//etc/passwd", "/proc/self/environ", "/proc/self/mem",
             "/dev/zero", "/dev/stdin", "/dev/random", "~/.ssh/id_rsa", "", ".", "..", "/", "//", "a\0b", "\ud800", "\\\\a\\b",
             "file:///etc/passwd", "http://169.254.169.254/", "https://127.0.0.1/", "ftp://a/b", "data:image/png;base64,AA",
             "gopher://a", "C:\\a.jpg", "a" * 300, "a/" * 2000, "000.jpg/", "./000.jpg/.", "000.jpg\0.png", "%2e%2e/%2e%2e",
             "000.jpg?x", "*", "[0-9].jpg", "$HOME/a.jpg", "\r\nX: y", "\u2025/a.jpg", "．．/a.jpg",
             "/proc/self/fd/0", "/sys/kernel", "collections/../../x")  # fmt: skip
    for number, path in enumerate(paths):
        yield _as_json(f"img_path {number}", {"img_path": path, "attrs": ATTRS})


def _as_json(name: str, value: object) -> Hostile:
    return Hostile(name, body=json.dumps(value).encode(), headers={"Content-Type": "application/json"})


def _json() -> Iterator[Hostile]:
    good = {"img_path": "000.jpg", "attrs": ATTRS}
    values = [None, True, 0, -1, 1.5, 10**400, "5", [], {}, "", float("nan"), float("inf"), 2**63, "1e9", [1], {"a": 1}]
    for key in ("k", "attrs", "collection", "lacking_last", "img_path"):
        for number, value in enumerate(values):
            yield _as_json(f"{key} is {number}: {str(value)[:9]}", {**good, key: value})
    bodies = (
        b"", b"{", b"}", b"[]", b"null", b"1", b'"a"', b"{}", b"\xff\xfe{\x00}\x00", b"\xef\xbb\xbf{}", b"{'a': 1}",
        b"[" * 30_000, b'{"a":' * 10_000, b'{"k": 1, "k": 2}', b'{"img_path": "\\ud800", "attrs": "\\udfff"}',
        b'{"img_path": "000.jpg", "attrs": "' + b"a" * 60_000 + b'"}', b'{"k": 1' + b"0" * 5000 + b"}", b"\x00" * 100,
        b'{"__proto__": {}, "attrs": "x"}', b'{"img_path": "000.jpg", "attrs": "sleeve length"} trailing',
        b'{"img_path": "000.jpg", "attrs": "sleeve\\u0000length"}', b"\x80abc", b"a" * 100_000, b"NaN", b"-", b"1e999999",
    )  # fmt: skip
    for number, body in enumerate(bodies):
        yield Hostile(f"JSON {number}", body=body, headers={"Content-Type": "application/json"})
    texts = ("\u0130", "ß" * 200, "\u200b", "𝕊leeve 𝕝ength", "sleeve\u0000", "; ; ;", ",,,", "and and and", "' OR 1=1", "🧥", "a\u0301" * 300,
             "{{7*7}}", "%(key)s", "%s", "sleeve length" * 500, "\u202e" + ATTRS, "ＳＬＥＥＶＥ　ＬＥＮＧＴＨ")  # fmt: skip
    for number, text in enumerate(texts):
        yield _as_json(f"attribute text {number}", {**good, "attrs": text})
    for number, name in enumerate(("..", "../tiny", "tiny/", "TINY", "a" * 9999, "\0", "tiny\n", "%74iny", ".", "con")):
        yield _as_json(f"collection name {number}", {**good, "collection": name})


def _forms() -> Iterator[Hostile]:
    jpeg = encoded("JPEG")
    body, headers = form(jpeg)
    kind = headers["Content-Type"]
    yield Hostile("no boundary", body=body, headers={"Content-Type": "multipart/form-data"})
    yield Hostile("another boundary", body=body, headers={"Content-Type": "multipart/form-data; boundary=other"})
    yield Hostile("a long boundary", body=body, headers={"Content-Type": "multipart/form-data; boundary=" + "b" * 5000})
    yield Hostile("a form without its end", body=body[:-30], headers=headers)
    yield Hostile("a form cut off in a header", body=body[:40], headers=headers)
    yield Hostile("an empty form", body=b"", headers=headers)
    yield Hostile("the form twice", body=body + body, headers=headers)
    yield Hostile("ten thousand fields", body=b"".join(
        b'------edge7d1a\r\nContent-Disposition: form-data; name="f%d"\r\n\r\nx\r\n' % number for number in range(10_000)
    ) + body, headers=headers)  # fmt: skip
    yield Hostile("a field of a megabyte", body=form(jpeg, attrs="a" * 2**20)[0], headers=headers)
    yield Hostile("an unknown field", body=form(jpeg, other="x")[0], headers=headers)
    yield Hostile("the path in a form", body=form(jpeg, img_path="000.jpg")[0], headers=headers)
    for number, k in enumerate(("0", "-1", "1001", "1e3", "٣", "", " 5", "5 ", "0x5", "5.0", "9" * 30)):
        yield upload(f"k in a form {number}", jpeg, k=k)
    for number, text in enumerate(("True", "1", "yes", "", "TRUE", "null")):
        yield upload(f"lacking_last in a form {number}", jpeg, lacking_last=text)
    yield Hostile("not UTF-8", body=body.replace(ATTRS.encode(), b"\xff\xfe\x80"), headers=headers)
    nested = {"Content-Type": kind, "Content-Transfer-Encoding": "base64"}
    yield Hostile("an encoding that is not there", body=body, headers=nested)
    yield Hostile("the image as a plain field", body=body.replace(b'; filename="photo.jpg"', b""), headers=headers)
    yield Hostile(
        "a URL-encoded form",
        body=b"attrs=sleeve+length&image=x",
        headers={"Content-Type": "application/x-www-form-urlencoded"},
    )


def _headers() -> Iterator[Hostile]:
    body, headers = form(encoded("JPEG"))
    for number, kind in enumerate(("", "text/plain", "application/xml", "application/json; charset=utf-16", "a" * 3000, "*/*",
                                   "application/x-python-pickle", "multipart/mixed; boundary=x", ";", "image/jpeg")):  # fmt: skip
        yield Hostile(f"content type {number}", body=body, headers={"Content-Type": kind})
    for name, value in (
        ("Content-Encoding", "gzip"), ("Accept", "a" * 3000), ("Accept-Language", "x-" * 1500), ("Cookie", "session=a.b.c"),
        ("Cookie", "=;" * 1000), ("X-Forwarded-For", "127.0.0.1, ::1, <script>"), ("X-Forwarded-Host", "evil.example"),
        ("X-Request-ID", "a b\tc" * 100), ("Range", "bytes=0-0,1-1"), ("If-None-Match", '"' * 2000), ("Referer", "javascript:1"),
        ("Authorization", "Basic ====="), ("Transfer-Encoding", "identity"), ("Expect", "200-ok"), ("X-HTTP-Method-Override", "DELETE"),
    ):  # fmt: skip
        yield Hostile(f"header {name}: {value[:12]}", body=body, headers={**headers, name: value})
    for method in ("GET", "PUT", "DELETE", "PATCH", "TRACE", "OPTIONS", "HEAD", "PROPFIND", "submit"):
        yield Hostile(f"method {method}", method=method)
    host = b"Host: a\r\n"
    for number, raw in enumerate((
        b"GET / HTTP/1.1\r\n\r\n", b"GET / HTTP/9.9\r\n" + host + b"\r\n", b"GET /\r\n\r\n", b"\r\n\r\n", b"\x16\x03\x01\x02\x00\x01",
        b"GET /" + b"a" * 9000 + b" HTTP/1.1\r\n" + host + b"\r\n", b"GET / HTTP/1.1\r\n" + host + b"A: b\r\n" * 200 + b"\r\n",
        b"GET / HTTP/1.1\r\n" + host + b"A" * 10_000 + b": b\r\n\r\n", b"GET / HTTP/1.1\r\n" + host + b"A : b\r\n\r\n",
        b"POST /submit HTTP/1.1\r\n" + host + b"Content-Length: -5\r\n\r\n",
        b"POST /submit HTTP/1.1\r\n" + host + b"Content-Length: 5\r\nContent-Length: 6\r\n\r\nabcdef",
        b"POST /submit HTTP/1.1\r\n" + host + b"Content-Length: 99999999999\r\nContent-Type: application/json\r\n\r\n",
        b"POST /submit HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\nContent-Length: 3\r\n\r\n0\r\n\r\n",
        b"POST /submit HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\nzz\r\n{}\r\n0\r\n\r\n",
        b"POST /submit HTTP/1.1\r\n" + host + b"Transfer-Encoding: chunked\r\nContent-Type: application/json\r\n\r\n2\r\n{}\r\n0\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n", b"GET http://evil.example/ HTTP/1.1\r\n" + host + b"\r\n",
        b"GET /\xff\xfe HTTP/1.1\r\n" + host + b"\r\n", b"GET / HTTP/1.1\nHost: a\n\n", b"CONNECT a:80 HTTP/1.1\r\n" + host + b"\r\n",
    )):  # fmt: skip
        yield Hostile(f"on the wire {number}", raw=raw)


def _pages() -> Iterator[Hostile]:
    digest = "0" * 64
    for number, path in enumerate((
        "/c/../x/", "/c/%2e%2e/", "/c/%00/", "/c/tiny%0a/", "/c/" + "a" * 3000 + "/", "/c/tiny/item/0", "/c/tiny/item/-1",
        "/c/tiny/item/" + "9" * 30, "/c/tiny/item/1e3", "/c/tiny/thumb/" + "9" * 25, "/c/tiny/image/0", "/c/tiny/upload/" + digest,
        "/c/tiny/upload/..%2f..%2fetc%2fpasswd", "/c/tiny/upload/" + "g" * 64, "/c/tiny/results", "/c/tiny/results?item=1",
        "/c/tiny/results?item=1&a=x", "/c/tiny/results?item=1&a=sleeve_length&w-sleeve_length=nan",
        "/c/tiny/results?item=1&a=sleeve_length&w-sleeve_length=1e308", "/c/tiny/results?item=1&a=sleeve_length&page=0",
        "/c/tiny/results?item=1&a=sleeve_length&page=" + "9" * 30, "/c/tiny/results?item=1&a=sleeve_length&n=0",
        "/c/tiny/results?item=" + "9" * 40 + "&a=sleeve_length", "/c/tiny/results?upload=" + digest + "&a=sleeve_length",
        "/c/tiny/results?upload=../../x&a=sleeve_length", "/c/tiny/results?item=1" + "&a=sleeve_length" * 500,
        "/c/tiny/results?item=1&a=%ff%fe", "/c/tiny/results?item=1&a={{7*7}}", "/c/tiny/results?item=1&a=<script>alert(1)</script>",
        "/c/tiny/results.csv?item=x&a=sleeve_length", "/c/tiny/results.xml?item=1&a=sleeve_length", "/c/tiny/results.json",
        "/static/../wsgi.py", "/static/%2e%2e/wsgi.py", "/static/..%2f..%2fetc/passwd", "/.git/config", "/.env", "/wp-login.php",
        "/openapi.json?x=" + "a" * 3000, "/healthz/../submit", "//evil.example/", "/language/xx?next=https://evil.example",
    )):  # fmt: skip
        yield Hostile(f"page {number}: {path[:40]}", path, "GET")
    body, headers = form(encoded("JPEG"))
    yield Hostile("a search without its token", "/c/tiny/search", body=body, headers=headers)
    yield Hostile(
        "a search with a forged token",
        "/c/tiny/search",
        body=form(encoded("JPEG"), csrf_token="x" * 99)[0],
        headers=headers,
    )
