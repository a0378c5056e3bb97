"""What the networks use of timm and torchvision, loaded without PyTorch's compiler.

Both import it (torch._dynamo) for decorators and a question that they may ask on a GPU, which takes a quarter of a
site's start and 140 MB in each process. What compiles later, such as torch.compile itself, imports the real one.
"""

import gc
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from types import ModuleType
from typing import Any


@contextmanager
def _without_compiler() -> Iterator[None]:
    """Show an empty compiler to what is imported, unless there is a real one already."""
    if "torch._dynamo" in sys.modules:
        yield
        return
    compiler, utils = ModuleType("torch._dynamo"), ModuleType("torch._dynamo.utils")
    compiler.disable = lambda function=None, *_, **__: function or (lambda wrapped: wrapped)  # type: ignore[attr-defined]
    utils.is_compile_supported = _is_compile_supported  # type: ignore[attr-defined]
    shown = {module.__name__: module for module in (compiler, utils)}
    sys.modules.update(shown)
    try:
        yield
    finally:
        for name in shown:
            del sys.modules[name]


def _is_compile_supported(device_type: Any) -> bool:
    from torch._dynamo.utils import is_compile_supported

    return bool(is_compile_supported(device_type))


with _without_compiler():
    import timm
    from timm.layers import Mlp, PatchEmbed
    from timm.models.vision_transformer import VisionTransformer
    from torchvision.ops import roi_align
    from torchvision.transforms.functional import center_crop, resize

gc.freeze()  # else each full collection looks through a quarter of a million objects of the libraries, for 0.2 s

__all__ = ["Mlp", "PatchEmbed", "VisionTransformer", "center_crop", "resize", "roi_align", "timm"]
