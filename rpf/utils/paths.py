"""Folders of the program: the files that it ships with, and the work folder."""

import re
from pathlib import Path

_PACKAGE = Path(__file__).resolve().parents[1]
_DATA = _PACKAGE / "_data"  # in an installed wheel only: hatch_build.py puts the shipped files there
_INSTALLED = _DATA.is_dir()

# templates/, static/, translations/, config/, runs/rpf-small/, wsgi.py and gunicorn.conf.py.
SHIPPED_FOLDER = _DATA if _INSTALLED else _PACKAGE.parent

# collections/, instance/, pretrained/ and data/: the checkout, or the current folder of an installed program.
WORK_FOLDER = Path.cwd() if _INSTALLED else _PACKAGE.parent


def file_beside(checkpoint: Path, kind: str) -> Path:
    """Return a file that belongs to a checkpoint: model.KIND.safetensors beside model.safetensors."""
    stem = re.sub(r"\.(safetensors|pth\.tar|pth|pt)$", "", checkpoint.name)
    return checkpoint.with_name(f"{stem}.{kind}.safetensors")
