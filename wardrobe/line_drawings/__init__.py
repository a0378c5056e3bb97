"""Line drawings of the eight attributes and their values, as an SVG file of symbols."""

from wardrobe.line_drawings.lengths import length_drawings
from wardrobe.line_drawings.necks import neck_drawings


def svg() -> str:
    """Return the file: one <symbol> for each attribute ("sleeve_length") and value ("sleeve_length-3")."""
    return "\n".join(('<svg xmlns="http://www.w3.org/2000/svg">', *length_drawings(), *neck_drawings(), "</svg>\n"))
