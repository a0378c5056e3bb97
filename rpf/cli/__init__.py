"""Command line of the engine: `rpf`, or `python -m rpf`. Imports of PyTorch stand in the functions that need it."""

import os
import signal
import sys
from collections.abc import Mapping, Sequence
from typing import Any

import click

from rpf import __version__
from rpf.cli import collections, doctor, evaluation, feeds, keys, maintenance, model, report, training, wardrobe
from rpf.cli.download import download
from rpf.cli.indexes import build_index
from rpf.cli.options import status_of, terminate
from rpf.cli.output import prepare_output, say
from rpf.cli.quantize import quantize
from rpf.cli.re_embed import re_embed
from rpf.cli.serve import serve
from rpf.cli.tag import tag
from rpf.errors import RPFError
from rpf.utils.encoding import use_utf8


class OneLineErrors(click.Group):
    """Group whose commands report an expected error in one line, with exit status 2."""

    def __init__(self, *args: Any, resumable: Sequence[str] = (), **kwargs: Any) -> None:
        """Take click's parameters, and the names of the commands that resume when they are run again."""
        super().__init__(*args, **kwargs)
        self.resumable = resumable

    def main(self, *args: Any, **kwargs: Any) -> Any:
        prepare_output()
        try:
            self._main(*args, **kwargs)
        except BrokenPipeError:  # the reader has left: `| head`
            os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())  # or the flush at exit fails again
            sys.exit(1)

    def _main(self, *args: Any, **kwargs: Any) -> None:
        try:
            sys.exit(super().main(*args, **{**kwargs, "standalone_mode": False}))
        except click.exceptions.NoArgsIsHelpError as error:
            say(*error.format_message().splitlines())
            sys.exit(2)
        except (RPFError, click.ClickException, OSError) as error:
            say(f"Error: {_one_line(error)}", err=True)
            sys.exit(2)
        except (click.Abort, KeyboardInterrupt) as stop:
            say("Stopped.", err=True)
            sys.exit(status_of(stop.__cause__ or stop))

    def invoke(self, ctx: click.Context) -> Any:
        try:
            return super().invoke(ctx)
        except KeyboardInterrupt as stop:
            resume = " Finished work is saved; run the same command again to resume."
            say(f"Stopped.{resume if ctx.invoked_subcommand in self.resumable else ''}", err=True)
            sys.exit(status_of(stop))


class SectionedGroup(OneLineErrors):
    """Group whose help lists the commands under headings."""

    def __init__(self, *args: Any, sections: Mapping[str, Sequence[click.Command]], **kwargs: Any) -> None:
        super().__init__(*args, **kwargs)
        self.sections = sections
        for command in (command for commands in sections.values() for command in commands):
            self.add_command(command)

    def list_commands(self, ctx: click.Context) -> list[str]:
        return list(self.commands)

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        width = max(map(len, self.commands))
        for heading, commands in self.sections.items():
            with formatter.section(heading):
                limit = formatter.width - width - 6
                rows = [(str(one.name).ljust(width), one.get_short_help_str(limit)) for one in commands]
                formatter.write_dl(rows)


def _one_line(error: Exception) -> str:
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, FileExistsError | NotADirectoryError) and error.filename:
        return f"{error.filename} is not a folder."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


SECTIONS: Mapping[str, Sequence[click.Command]] = {
    "Site": (serve, collections.demo, keys.keys, report.report),
    "Collections": (
        collections.index,
        feeds.sync,
        maintenance.add,
        maintenance.remove,
        maintenance.relocate,
        collections.search,
        tag,
        collections.import_legacy,
    ),
    "Maintenance": (maintenance.verify, maintenance.repair, re_embed, maintenance.optimize, build_index),
    "Models": (
        training.train,
        evaluation.evaluate,
        evaluation.compare,
        evaluation.calibrate,
        evaluation.fit_values,
        training.fit_garments,
        quantize,
        model.embed,
        model.export,
        download,
    ),
    "Datasets": (wardrobe.wardrobe,),
    "Installation": (doctor.doctor,),
}


@click.group(
    cls=SectionedGroup,
    sections=SECTIONS,
    resumable=("demo", "index", "sync", "add", "repair", "re-embed", "download", "wardrobe", "tag"),
    context_settings={"help_option_names": ["-h", "--help"]},
)
@click.version_option(__version__)
def main() -> None:
    """Search fashion images by the details that matter.

    \b
    Examples:
      rpf serve                                     serve the site on http://localhost:8000
      rpf index shop photos/                        index your photos as the collection "shop"
      rpf search shop photo.jpg --attrs "sleeve length; collar design"
    """


def run() -> None:
    """Run the command line, with SIGTERM handled as Ctrl-C. The entry point of `rpf` and `python -m rpf`."""
    use_utf8()
    signal.signal(signal.SIGTERM, terminate)
    main()
