"""Frame of an image in a grid: filled in the colours of the image's own sides, where these are plain."""

import numpy as np
import numpy.typing as npt
from PIL import Image

NEAR = 12  # of 255, in each channel, within which two colours count as one
PLAIN_SHARE = 0.85  # of a side's pixels that are near its median colour, where the side is plain


def fill_frame(image: Image.Image, ratio: float) -> Image.Image:
    """Widen or heighten an RGB image to this ratio of width to height, in the colours of the two sides it grows at.

    Images whose sides are not plain stay as they are: a page shows them in a frame of the page's colour.
    """
    width, height = image.size
    frame = max(width, round(height * ratio)), max(height, round(width / ratio))
    if frame == image.size:
        return image
    pixels = np.asarray(image)
    grows_wide = frame[0] > width
    sides = (pixels[:, 0], pixels[:, -1]) if grows_wide else (pixels[0], pixels[-1])
    colours = [_plain_colour(side) for side in sides]
    if colours[0] is None or colours[1] is None:
        return image
    filled = Image.new("RGB", frame, colours[0])
    left, top = (frame[0] - width) // 2, (frame[1] - height) // 2
    filled.paste(colours[1], (left, 0, *frame) if grows_wide else (0, top, *frame))
    filled.paste(image, (left, top))
    return filled


def _plain_colour(side: npt.NDArray[np.uint8]) -> tuple[int, int, int] | None:
    """Return the colour of a side (n, 3); None where it has several."""
    colour = np.median(side, axis=0)
    if (np.abs(side - colour).max(axis=1) <= NEAR).mean() < PLAIN_SHARE:
        return None
    red, green, blue = (int(channel) for channel in colour)
    return red, green, blue
