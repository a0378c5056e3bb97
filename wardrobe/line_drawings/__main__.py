"""Write the line drawings to a file: `python -m wardrobe.line_drawings static/details.svg`."""

import sys
from pathlib import Path

from wardrobe.line_drawings import svg

if __name__ == "__main__":
    Path(sys.argv[1]).write_text(svg(), encoding="utf-8")
