"""Networks compiled by OpenVINO for a CPU."""

from collections.abc import Mapping, Sequence
from functools import cache

import numpy as np
import openvino as ov
import torch
from torch import Tensor, nn

from rpf.utils.cores import usable_cores

PRECISIONS = {"float32": "f32", "bfloat16": "bf16"}  # our names and OpenVINO's
QUANTIZATION_GROUP_SIZE = 256  # numbers of a token that share a scale in 8 bits
IMAGES_PER_THREAD = 4  # in one pass of a network; with more, what its layers hand on falls out of the cache


class CompiledNetwork(nn.Module):
    """A network from images (n, 3, H, W) to one tensor, in place of the module that it was converted from."""

    def __init__(self, requests: Mapping[tuple[int, int], ov.InferRequest], pass_size: int) -> None:
        """requests: for each height and width of images; pass_size: images that are inferred together, at most."""
        super().__init__()
        self._requests, self._pass_size = requests, pass_size

    def forward(self, images: Tensor) -> Tensor:
        """Infer float32 images (n, 3, H, W) of one of the shapes, in one thread at a time."""
        request = self._requests[images.shape[2], images.shape[3]]
        passes = images.contiguous().split(self._pass_size)
        outputs = [torch.from_numpy(request.infer([part.numpy()], share_inputs=True)[0]) for part in passes]
        return outputs[0] if len(outputs) == 1 else torch.cat(outputs)


def compile_network(
    graph: ov.Model, shapes: Sequence[tuple[int, int]], precision: str, threads: int, lanes: int = 1
) -> list[CompiledNetwork]:
    """Compile a graph of `convert` for images of these heights and widths; return a network for each lane.

    threads: of all lanes together, 0 for all cores. Inputs and outputs are float32 in any precision.
    """
    compiled = {}
    for shape in shapes:
        graph.reshape([-1, 3, *shape])
        compiled[shape] = compile_graph(graph, precision, threads, lanes)
    pass_size = IMAGES_PER_THREAD * max(1, (threads or usable_cores()) // lanes)
    return [
        CompiledNetwork({shape: one.create_infer_request() for shape, one in compiled.items()}, pass_size)
        for _ in range(lanes)
    ]


def compile_graph(graph: ov.Model, precision: str, threads: int, lanes: int = 1) -> ov.CompiledModel:
    """Compile a graph for so many lanes, which share the threads; 0 for all cores."""
    options: dict[str, object] = {
        "INFERENCE_PRECISION_HINT": PRECISIONS[precision],
        "NUM_STREAMS": lanes,
        "INFERENCE_NUM_THREADS": threads or usable_cores(),
        "ENABLE_CPU_PINNING": False,  # else two processes with fewer threads than cores share the first cores
        "DYNAMIC_QUANTIZATION_GROUP_SIZE": QUANTIZATION_GROUP_SIZE,  # where weights are in 8 bits
    }
    return core().compile_model(graph, "CPU", options)


@cache
def core() -> ov.Core:
    """Return OpenVINO of this process."""
    # Two threads that make their first tensors at the same time may wait for each other for ever (OpenVINO 2026.4).
    ov.Tensor(np.zeros(1, np.float32), shared_memory=True)
    return ov.Core()
