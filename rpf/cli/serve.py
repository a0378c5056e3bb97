"""Command that serves the site."""

import os
import sys

import click

from rpf.utils.paths import SHIPPED_FOLDER


@click.command()
@click.option("--bind", metavar="ADDRESS", help="Where to listen: HOST:PORT, or unix:PATH. Default: RPF_BIND.")
def serve(bind: str | None) -> None:
    """Serve the site with gunicorn, until Ctrl-C or SIGTERM.

    The first start draws and indexes the default collection; meanwhile, pages show the progress. Settings come from
    environment variables (see docs/settings.md).

    \b
    Examples:
      rpf serve
      RPF_COLLECTION=shop rpf serve --bind 127.0.0.1:8001
    """
    command = [sys.executable, "-m", "gunicorn", "--config", str(SHIPPED_FOLDER / "gunicorn.conf.py"), "wsgi:app"]
    os.execv(sys.executable, [*command, *(["--bind", bind] if bind else [])])
