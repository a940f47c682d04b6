"""Which of two routes a convolution takes, decided on the device and never told to the host.

    count = number of inputs with latency < n_bins
    tensor cores where count >= fewest, events where count < fewest

Both kernels are launched; the one whose turn it is not returns at once, so the choice may change
from replay to replay of a CUDA graph. The work of events grows with the count; that of the tensor
cores with bins and parts and not at all with it. They are level at a density of about

    (bins + 7) / 8 * 8 * passes / BALANCE

where BALANCE is the ratio of multiply-adds a second on the tensor cores to weights a second from
the cache: estimated for an H200 (400e12 multiplications and additions in a dense wave against
12e12 bytes of float32 rows), to be measured by `benchmarks/gpu.py`.
"""

import torch
import triton
import triton.language as tl
from torch import Tensor

from neurospyke.sim.ops.kernels.parts import PASSES

BALANCE = 256
BLOCK = 1024


def fewest_for_dense(n_inputs: int, n_bins: int, precision: str) -> int:
    """Number of input spikes from which on the tensor cores are taken."""
    density = triton.cdiv(n_bins, 8) * 8 * PASSES[precision] / BALANCE
    return min(int(density * n_inputs), 2**31 - 1)


def count_spikes(latency: Tensor, n_bins: int) -> Tensor:
    """Number of inputs that spike before `n_bins`: int32 (1,), on the device."""
    count = torch.zeros(1, dtype=torch.int32, device=latency.device)
    batch, channels, height, width = latency.shape
    blocks = triton.cdiv(channels * height * width, BLOCK)
    spikes[(batch * blocks,)](
        latency,
        count,
        blocks,
        channels * height * width,
        n_bins,
        channels,
        width,
        *latency.stride(),
        BLOCK=BLOCK,
        enable_fp_fusion=False,
    )
    return count


@triton.jit
def spikes(
    latency,
    count,
    blocks,
    n,
    n_bins,
    channels,
    width,
    sample_stride,
    channel_stride,
    row_stride,
    column_stride,
    BLOCK: tl.constexpr,
):
    sample = (tl.program_id(0) // blocks).to(tl.int64)
    index = tl.program_id(0) % blocks * BLOCK + tl.arange(0, BLOCK)
    # channels innermost, as they usually lie in memory
    place = (index % channels) * channel_stride
    place += (index // channels % width) * column_stride
    place += (index // channels // width) * row_stride
    spike = tl.load(latency + sample * sample_stride + place, mask=index < n, other=255)
    tl.atomic_add(count, tl.sum((spike.to(tl.int32) < n_bins).to(tl.int32), 0))
