"""Command that downloads published weights."""

import click

from rpf.cli.options import Bar
from rpf.cli.output import say


@click.command()
@click.argument("name", required=False)
def download(name: str | None) -> None:
    """Download the published file NAME, or list what there is: size, licence, place, publisher.

    Files go into runs/ and pretrained/ of the work folder. After an interrupt the same command resumes. The sha256 of
    the first download is recorded beside the file and compared whenever the command is run again.

    \b
    Examples:
      rpf download
      rpf download rpf-fashionai
    """
    from rpf.models import published

    files = published.published_files()
    if name is None:
        for key, file in files.items():
            size = "size unknown" if file.size is None else f"{file.size / 1e6:.1f} MB"
            say(f"{key:<16}{file.title}", f"{'':<16}{size}, {file.licence or 'no licence stated'}, {file.source}")
            say(f"{'':<16}goes to {file.path}")
        return
    if name not in files:
        raise click.UsageError(f'There is no published file "{name}"; there are {", ".join(files)}.')
    with Bar("B", scaled=True) as bar:
        path, record = published.download(files[name], lambda done, total: bar(name, done, total or 0))
    say(f"{path}: {record.size / 1e6:.1f} MB, sha256 {record.sha256}")
