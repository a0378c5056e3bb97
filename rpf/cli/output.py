"""Output of the commands: lines that stay lines, in any encoding."""

import io
import logging
import sys

from rpf.errors import printable


class LineFormatter(logging.Formatter):
    """Formats a log record as one printable line."""

    def format(self, record: logging.LogRecord) -> str:
        return printable(super().format(record))


def prepare_output() -> None:
    """Make standard output, standard error and warnings without a handler ready for any text."""
    for stream in (sys.stdout, sys.stderr):
        if isinstance(stream, io.TextIOWrapper):
            stream.reconfigure(errors="backslashreplace")
    if logging.lastResort:
        logging.lastResort.setFormatter(LineFormatter())


def say(*lines: object, err: bool = False) -> None:
    """Print each line on standard output, or on standard error, with its control characters escaped.

    Not by click.echo, which takes an ASCII terminal for a misconfigured one and sends it UTF-8.
    """
    stream = sys.stderr if err else sys.stdout
    if stream is not None:  # closed by the shell: >&-
        stream.write("".join(f"{printable(line)}\n" for line in lines))
        stream.flush()
