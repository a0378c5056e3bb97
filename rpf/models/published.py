"""Published weights (rpf/published.yaml): their download, resumable, and the hash of the first one."""

from collections.abc import Callable
from functools import cache
from pathlib import Path

import yaml
from pydantic import BaseModel, ConfigDict, TypeAdapter, ValidationError

from rpf.errors import DownloadError
from rpf.utils.files import check_writable, file_hash, sync_folder, write_atomic
from rpf.utils.paths import WORK_FOLDER

LIST = Path(__file__).parents[1] / "published.yaml"
TIMEOUT_SECONDS = 60.0  # without a byte from the server
RETRIES = 4  # of a connection that was cut; each goes on where the last one ended
HTML_STARTS = (b"<!doctype html", b"<html")


class PublishedFile(BaseModel):
    """A file that others have published."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    title: str
    source: str  # the publisher's page
    path: str  # relative to the work folder
    urls: tuple[str, ...]
    licence: str = ""  # "" if none is stated
    size: int | None = None  # bytes


class DownloadRecord(BaseModel):
    """The first download of a file, recorded in JSON beside it."""

    model_config = ConfigDict(frozen=True)

    url: str
    size: int  # bytes
    sha256: str


@cache
def published_files() -> dict[str, PublishedFile]:
    """Read the list of published files, by name."""
    return TypeAdapter(dict[str, PublishedFile]).validate_python(yaml.safe_load(LIST.read_text(encoding="utf-8")))


def download(file: PublishedFile, progress: Callable[[int, int | None], None]) -> tuple[Path, DownloadRecord]:
    """Return the file's place in the work folder, and its record; download it if it is missing.

    What was received of an interrupted download is kept and resumed. `progress` is called with the bytes that are on
    disk, and with those of the whole file if the server tells. Raises DownloadError if no address has the file, or if
    its content is not that of the first download; OSError.
    """
    path = WORK_FOLDER / file.path
    record_file = path.with_name(f"{path.name}.download.json")
    first = _read_record(record_file)
    if path.exists():
        record = DownloadRecord(url="", size=path.stat().st_size, sha256=file_hash(path))
        if first is None:  # put there by hand
            _write_record(record_file, record)
        elif record.sha256 != first.sha256:
            raise DownloadError(
                '"%(path)s" is not the file that was first downloaded: its sha256 is %(have)s, not %(want)s. Delete it '
                "to download it again.",
                path=path, have=record.sha256, want=first.sha256,
            )  # fmt: skip
        return path, first or record
    check_writable(path.parent)
    url, temporary = _fetch_any(file, path, progress)
    record = DownloadRecord(url=url, size=temporary.stat().st_size, sha256=file_hash(temporary))
    if first is not None and record.sha256 != first.sha256:
        temporary.unlink()
        raise DownloadError(
            '%(url)s has another content than at the first download: its sha256 is %(have)s, not %(want)s. If the '
            'publisher has replaced it and you trust that, delete "%(record)s" and run the command again.',
            url=url, have=record.sha256, want=first.sha256, record=record_file,
        )  # fmt: skip
    sync_folder(temporary)  # its content
    if first is None:
        _write_record(record_file, record)
    temporary.replace(path)
    for part in path.parent.glob(f".{path.name}.download*"):  # of other addresses
        part.unlink()
    sync_folder(path.parent)
    return path, first or record


def _read_record(file: Path) -> DownloadRecord | None:
    try:
        return DownloadRecord.model_validate_json(file.read_bytes())
    except FileNotFoundError:
        return None
    except ValidationError:
        raise DownloadError('"%(file)s" is malformed; delete it.', file=file) from None


def _write_record(file: Path, record: DownloadRecord) -> None:
    write_atomic(file, f"{record.model_dump_json(indent=1)}\n".encode())


def _fetch_any(file: PublishedFile, path: Path, progress: Callable[[int, int | None], None]) -> tuple[str, Path]:
    """Download from the first address that has the file; return that one, and the file under a temporary name."""
    errors: list[DownloadError] = []
    for number, url in enumerate(file.urls):
        target = path.with_name(f".{path.name}.download{number}")  # parts of two addresses never become one file
        try:
            _fetch(url, target, progress)
            _check_content(url, target, file.size)
        except DownloadError as error:
            errors.append(error)
        else:
            return url, target
    raise DownloadError("%(why)s", why=" ".join(map(str, errors)))


def _fetch(url: str, target: Path, progress: Callable[[int, int | None], None]) -> None:
    """Download one address, and go on with what is there of an earlier try."""
    import gdown  # here, because only this needs it

    received = False

    def observe(done: int, total: int | None) -> None:
        nonlocal received
        received = True
        progress(done, total)

    def parts() -> list[Path]:
        return list(target.parent.glob(f"{target.name}*.part"))

    while True:
        resumed = bool(parts())
        try:
            gdown.download(
                url, str(target), quiet=True, use_cookies=False, resume=True, progress=observe,
                timeout=TIMEOUT_SECONDS, retries=RETRIES,
            )  # fmt: skip
            return
        except (gdown.DownloadError, OSError) as error:
            # The server cannot resume, or has another file now. (A cause is a connection that failed.)
            useless = resumed and not received and type(error) is gdown.DownloadError and error.__cause__ is None
            for part in parts():
                if useless or not part.stat().st_size:
                    part.unlink()
            if not useless:
                why = str(getattr(error, "strerror", None) or error).partition("\nThe received bytes")[0]
                again = " Run the same command again to resume." if parts() else ""
                raise DownloadError(
                    "%(url)s cannot be downloaded: %(why)s.%(again)s",
                    url=url, why=" ".join(why.split()).rstrip("."), again=again,
                ) from error  # fmt: skip


def _check_content(url: str, target: Path, size: int | None) -> None:
    """Delete what was downloaded, and raise DownloadError, if it is a page in place of the file, or of another size."""
    with target.open("rb") as stream:
        page = stream.read(1000).lstrip().lower().startswith(HTML_STARTS)
    actual = target.stat().st_size
    if page or size not in (None, actual):
        target.unlink()
        why = "it answers with a web page" if page else f"it has {actual} bytes, not {size}"
        raise DownloadError("%(url)s cannot be downloaded: %(why)s.", url=url, why=why)
