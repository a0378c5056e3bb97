"""`python -m rpf`: the engine from a terminal. What is slow to import is imported where it is used."""

import os
import sys
from typing import Any

import click

from rpf import __version__
from rpf.cli import collections, evaluation, maintenance, model, training, wardrobe
from rpf.cli.options import status_of
from rpf.cli.output import prepare_output, say
from rpf.errors import RPFError


class OneLineErrors(click.Group):
    """Turns what a person can mend into one line and exit status 2."""

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
            say("Stopped. What was finished is kept; the same command goes on from there.", err=True)
            sys.exit(status_of(stop.__cause__ or stop))


def _one_line(error: Exception) -> str:
    if isinstance(error, click.ClickException):
        return error.format_message()
    if isinstance(error, FileExistsError | NotADirectoryError) and error.filename:
        return f"{error.filename} is not a folder."
    if isinstance(error, OSError) and error.strerror:
        return f"{error.filename}: {error.strerror}" if error.filename else error.strerror
    return str(error)


@click.group(cls=OneLineErrors, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(__version__)
def main() -> None:
    """Search fashion pictures by the details that matter.

    \b
    python -m rpf demo                        draw and index the default collection
    python -m rpf index shop photos/          index your own photos
    python -m rpf search shop query.jpg --attrs "sleeve length; collar design"
    """


for command in (
    collections.index,
    collections.search,
    collections.import_collection,
    collections.demo,
    maintenance.add,
    maintenance.remove,
    maintenance.relocate,
    maintenance.compact,
    maintenance.verify,
    wardrobe.wardrobe,
    training.train,
    model.embed,
    model.export,
    evaluation.evaluate,
    evaluation.compare,
    model.doctor,
):
    main.add_command(command)
