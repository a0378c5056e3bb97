"""Command for synthetic datasets: wardrobe."""

from pathlib import Path

import click

from rpf.cli.options import FILE, Bar
from rpf.cli.output import say
from rpf.utils.cores import usable_cores


@click.command()
@click.option("--count", required=True, type=click.IntRange(1, 1_000_000), help="How many garments.")
@click.option("--out", required=True, type=FILE, help="The dataset's folder, a new or an empty one.")
@click.option("--first", default=0, show_default=True, type=click.IntRange(0, 2**40), help="Seed of the first garment.")
@click.option("--size", default=400, show_default=True, type=click.IntRange(64, 2048), help="Longer side, in pixels.")
@click.option("--sheet", is_flag=True, help="Write contact sheets too, 60 labelled images each.")
@click.option("--workers", type=click.IntRange(1, 256), help="Drawing processes (default: one per usable core).")
def wardrobe(count: int, out: Path, first: int, size: int, sheet: bool, workers: int | None) -> None:
    """Draw a labelled dataset of garments, split into train, valid and test.

    Garments are drawn for each value of FashionAI's eight attributes in turn, so that none is rare. Run the same
    command again to resume an interrupted one.

    \b
    Examples:
      rpf wardrobe --count 5000 --out data/wardrobe
      rpf wardrobe --count 60 --out look --sheet
      rpf index drawn --dataset config/Wardrobe/Wardrobe.yaml --split test
    """
    from rpf.datasets.contact_sheet import write_sheets
    from rpf.datasets.synthetic import Recipe, write_dataset

    recipe = Recipe(count, first, size)
    with Bar() as bar:
        write_dataset(out, recipe, bar, workers or usable_cores())
        sheets = write_sheets(out, recipe, bar) if sheet else []
    say(f"{out}: {count} garments", *sheets)
