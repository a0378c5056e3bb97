"""Commands for the keys of the API: keys create, list, revoke."""

from datetime import datetime, timezone

import click

from rpf.access.keys import KINDS, KeyKind, KeyStore
from rpf.cli.output import say
from rpf.settings import Settings

COLUMNS = ("id", "kind", "created", "name", "collections", "limit", "origins")


@click.group()
def keys() -> None:
    """Create, list and revoke the keys of the API.

    \b
    search  searches, and reports events; may be in a browser, on pages of its origins
    write   changes products; never in a browser

    Without a write key, the API changes nothing. Running sites know a change within a second.

    \b
    Examples:
      rpf keys create --kind search --origin https://shop.example --name widget
      rpf keys list
      rpf keys revoke 3f9a12bc
    """


@keys.command()
@click.option("--kind", required=True, type=click.Choice(KINDS), help="What the key allows.")
@click.option("--name", required=True, help="What the key is for, such as the program that has it.")
@click.option(
    "--origin",
    "origins",
    multiple=True,
    metavar="ORIGIN",
    help="Origin of the pages whose scripts may use a search key, exactly: scheme://host[:port]; may be repeated. "
    "Without one, only programs outside a browser can use it.",
)
@click.option(
    "--collection", "collections", multiple=True, metavar="NAME", help="Allowed collection; may be repeated. Else all."
)
@click.option(
    "--limit", default="", help='Requests of the key, such as "10/second; 1000/hour". Else the site\'s limit.'
)
def create(kind: KeyKind, name: str, origins: tuple[str, ...], collections: tuple[str, ...], limit: str) -> None:
    """Create a key, and print it.

    It is shown this once: only its hash is stored. The key alone goes to standard output. Secret scanners recognise it
    by the pattern rpf_[sw]_[0-9a-f]{8}_[0-9a-f]{64}.

    \b
    Examples:
      rpf keys create --kind search --origin https://shop.example --name widget --limit 10/second
      rpf keys create --kind write --name "nightly sync" --collection shop > write-key.txt
    """
    from rpf.collection import collection_folder

    settings = Settings.from_environ()
    for collection in collections:
        collection_folder(settings.collections, collection)  # raises CollectionError for an invalid name
    key, token = KeyStore(settings.instance).create(kind, name, origins, collections, limit)
    say(token)
    say(f'The {kind} key {key.id} ("{key.name}") was created. Store it now: it cannot be shown again.', err=True)


@keys.command("list")
def list_() -> None:
    """List the keys: id, kind, day of creation (UTC), name, collections, limit, origins.

    \b
    Example:
      rpf keys list
    """
    rows = [
        (
            key.id,
            key.kind,
            str(datetime.fromtimestamp(key.created, timezone.utc).date()),
            key.name,
            ", ".join(key.collections) or "all",
            key.rate_limit or "the site's",
            ", ".join(key.origins) or "none",
        )
        for key in KeyStore(Settings.from_environ().instance).list_keys()
    ]
    if not rows:
        say("There are no keys. Create one with: rpf keys create")
        return
    widths = [max(map(len, column)) for column in zip(COLUMNS, *rows, strict=True)]
    for row in (COLUMNS, *rows):
        say("  ".join(text.ljust(width) for text, width in zip(row, widths, strict=True)).rstrip())


@keys.command()
@click.argument("key_id", metavar="ID")
def revoke(key_id: str) -> None:
    """Revoke the key ID, for good: the part of the key after rpf_s_ or rpf_w_.

    Running sites refuse it within a second.

    \b
    Example:
      rpf keys revoke 3f9a12bc
    """
    KeyStore(Settings.from_environ().instance).revoke(key_id)
    say(f"The key {key_id} is revoked.")
