"""Options, progress bars and reports of several commands."""

import sys
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, contextmanager
from functools import wraps
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click
from tqdm import tqdm

from rpf.cli.output import say
from rpf.errors import BadImage, CheckpointError, printable
from rpf.settings import Settings
from rpf.utils.files import check_writable

if TYPE_CHECKING:
    from rpf.ingest.pipeline import IngestReport

UNREADABLE = 3  # exit status: all is done, but for images that cannot be read
FILE = click.Path(path_type=Path)
BATCH = click.option(
    "--batch",
    default=32,
    show_default=True,
    type=click.IntRange(min=1),
    help="Images embedded (and saved) at a time.",
)
SKIP_BAD = click.option(
    "--skip-bad", is_flag=True, help="Leave out images that are missing or cannot be decoded, and say so."
)
WAIT = click.option(
    "--wait",
    default=10.0,
    show_default=True,
    type=click.FloatRange(min=0),
    metavar="SECONDS",
    help="How long to wait for another process that writes the collection.",
)
CONFIGS = click.option(
    "--cfg", "configs", multiple=True, required=True, type=FILE, help="Config files: --cfg A.yaml B.yaml."
)
OVERRIDES = click.option(
    "--set", "overrides", multiple=True, metavar="KEY=VALUE", help="A setting over the config files'."
)
DATASETS = click.option("--dataset", "datasets", multiple=True, help="Folder in DATA.BASE_PATH; may be repeated.")
AGAIN = click.option("--again", is_flag=True, help="Bring back what was removed by `remove`, and forget that it was.")
FOLLOW_LINKS = click.option(
    "--follow-links",
    is_flag=True,
    help="Follow links that lead out of the image folder, into folders that RPF_IMAGE_ROOTS names. The site needs "
    "RPF_IMAGE_ROOTS too, to show their images.",
)


class Terminated(KeyboardInterrupt):
    """SIGTERM, which ends a command as Ctrl-C does."""


def terminate(signal_number: int, frame: object) -> None:
    """Handle SIGTERM."""
    raise Terminated


def status_of(stop: BaseException) -> int:
    """Return the exit status of a command that was stopped."""
    return 143 if isinstance(stop, Terminated) else 130


class ManyConfigs(click.Command):
    """Lets one --cfg take several files, and one --set several settings: --cfg A.yaml B.yaml --set A=1 B=2."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        spread: list[str] = []
        option = ""  # that may take one more value
        for arg in args:
            if arg.startswith("-"):
                option = arg
            elif spread and spread[-1] != option and _is_value(option, arg):
                spread.append(option)
            spread.append(arg)
        return super().parse_args(ctx, spread)


def _is_value(option: str, arg: str) -> bool:
    return (option == "--cfg" and arg.endswith((".yaml", ".yml"))) or (option == "--set" and "=" in arg)


class Bar(AbstractContextManager["Bar"]):
    """A tqdm bar for each phase of a long work."""

    def __init__(self, unit: str = "image", scaled: bool = False) -> None:
        """Count in `unit`; `scaled` shows thousands as k, M, G."""
        self._unit, self._scaled, self._phase = unit, scaled, ""
        self._bar: Any = None

    def __call__(self, phase: str, done: int, total: int) -> None:
        if phase != self._phase or self._bar is None:
            self.__exit__()
            self._phase = phase
            self._bar = tqdm(total=total, initial=done, desc=printable(phase), unit=self._unit, unit_scale=self._scaled)
        self._bar.total = total
        self._bar.update(done - self._bar.n)

    def __exit__(self, *exc: object) -> None:
        if self._bar is not None:
            self._bar.close()


def prepare_file(path: Path) -> None:
    """Create the folder that a command will write a file to, before its work. Raises ClickException, OSError."""
    if path.is_dir():
        raise click.ClickException(f"{path} is a folder; give the name of a file.")
    check_writable(path.parent)


def prepare_checkpoint(file: Path) -> None:
    """Check as `prepare_file` that a checkpoint of our format can be written. Raises CheckpointError."""
    if file.suffix != ".safetensors":
        raise CheckpointError("%(out)s: the name must end in .safetensors.", out=file)
    prepare_file(file)


@contextmanager
def naming(image: Path) -> Iterator[None]:
    """Put an image's path before what is wrong with it."""
    try:
        yield
    except BadImage as error:
        raise click.ClickException(f"{image}: {error}") from None


def method_names(text: str) -> list[str]:
    """Split an option's search methods, each once: at spaces, and at commas where there is no factory string
    (faiss:...), which contains commas."""
    return list(dict.fromkeys(name for word in text.split() for name in ([word] if ":" in word else word.split(","))))


def print_ingest_report(name: str, report: "IngestReport", left_out: Counter[str]) -> None:
    """Print the results of an ingest and the files left out; end with status 3 if an image could not be read."""
    from rpf.ingest.scan import describe

    say(*(f"skipped {path}: {why}" for path, why in report.skipped), err=True)
    rarely = "".join(f"{n} {what}, " for n, what in ((report.moved, "moved"), (report.pruned, "pruned")) if n)
    say(
        f"{name}: {report.added} added, {report.unchanged} unchanged, {len(report.skipped)} skipped, {rarely}"
        f"in {report.seconds:.1f} s"
    )
    if report.left_out:
        say(f"left out: {report.left_out} removed earlier (--again brings them back)")
    if text := describe(left_out):
        say(f"left out: {text}")
    if report.skipped:
        sys.exit(UNREADABLE)


def with_settings(command: Callable[..., None]) -> Callable[..., None]:
    """Add --checkpoint to a command that takes `settings`."""

    @wraps(command)
    def run(checkpoint: Path | None, **kwargs: Any) -> None:
        changes = {} if checkpoint is None else {"checkpoint": checkpoint}
        command(settings=Settings.from_environ().model_copy(update=changes), **kwargs)

    return click.option("--checkpoint", type=FILE, help="Weights file; else RPF_CHECKPOINT, else the built-in one.")(
        run
    )
