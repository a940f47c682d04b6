"""Compile what the ops would launch, for a GPU that need not be there; print one line a kernel.

Run in a process of its own, because Triton decides at import whether it interprets:

    TRITON_INTERPRET=0 python compile_only.py
"""

import json
import re
import subprocess
import sys
import tempfile
from contextlib import nullcontext
from pathlib import Path

import torch
import triton
from triton.backends.compiler import GPUTarget
from triton.compiler import ASTSource
from triton.runtime.jit import JITFunction

TARGET = GPUTarget("cuda", 90, 32)
TYPES = {
    torch.uint8: "*u8",
    torch.int8: "*i8",
    torch.int32: "*i32",
    torch.int64: "*i64",
    torch.float16: "*fp16",
    torch.float32: "*fp32",
    torch.float64: "*fp64",
}
SEEN = set()
OPTIONS = {"num_warps", "num_stages", "enable_fp_fusion"}


def compile_instead(function, *args, grid, warmup, **kwargs):
    """Take the place of a launch: compile for these arguments and report."""
    options = {name: kwargs.pop(name) for name in OPTIONS & kwargs.keys()}
    given = dict(zip(function.arg_names, args, strict=False)) | kwargs
    signature, constants, hints = {}, {}, {}
    for place, parameter in enumerate(function.params):
        value = given[parameter.name]
        fixed = parameter.do_not_specialize
        if parameter.is_constexpr or (isinstance(value, int) and value == 1 and not fixed):
            signature[parameter.name], constants[(place,)] = "constexpr", value
        elif isinstance(value, torch.Tensor):
            signature[parameter.name] = TYPES[value.dtype]
            hints[(place,)] = [["tt.divisibility", 16]]
        else:
            assert isinstance(value, int), (parameter.name, value)
            signature[parameter.name] = "i32" if -(2**31) <= value < 2**31 else "i64"
            if value % 16 == 0 and not fixed:
                hints[(place,)] = [["tt.divisibility", 16]]
    source = ASTSource(function, signature, constants, hints)
    if source.hash() in SEEN:
        return
    SEEN.add(source.hash())
    kernel = triton.compile(source, target=TARGET, options=options)
    blocks = {name: value for name, value in given.items() if name.isupper()}
    record = {
        "kernel": function.fn.__name__,
        **blocks,
        **options,
        "shared": kernel.metadata.shared,
        **usage(kernel.asm["cubin"]),
        "wgmma": "wgmma" in kernel.asm["ptx"],
    }
    sys.stdout.write(json.dumps(record) + "\n")


def usage(cubin):
    """Registers a thread, and bytes of them that went to memory instead."""
    reader = Path(triton.__file__).parent / "backends/nvidia/bin/cuobjdump"
    with tempfile.TemporaryDirectory() as folder:
        binary = Path(folder) / "kernel.cubin"
        binary.write_bytes(cubin)
        report = subprocess.run(
            [reader, "-res-usage", binary], capture_output=True, text=True, check=True
        ).stdout
    found = dict(re.findall(r"(REG|STACK|LOCAL):(\d+)", report))
    return {"registers": int(found["REG"]), "spilled": int(found["STACK"]) + int(found["LOCAL"])}


def layer(channels, size, maps, kernel, dtype=torch.float32):
    """Latencies, weights and thresholds; no value is ever read."""
    return (
        torch.zeros(2, channels, size, size, dtype=torch.uint8).to(
            memory_format=torch.channels_last
        ),
        torch.zeros(maps, channels, kernel, kernel, dtype=dtype),
        torch.zeros(maps, dtype=dtype),
    )


def convolutions():
    """Layers of a network for images of 224 x 224, and the shapes that kernels differ in."""
    from neurospyke.sim.ops.kernels.inhibited_convolution import inhibited_convolution
    from neurospyke.sim.ops.kernels.spiking_convolution import spiking_convolution

    one, none, two = (1, 1), (0, 0, 0, 0), (2, 2, 2, 2)
    second = layer(64, 112, 128, 5)
    spiking_convolution(*second, 30, one, two, "full", True)
    spiking_convolution(*second, 30, one, two, "fast", False)
    spiking_convolution(*second, 30, one, two, "reproducible", True)
    inhibited_convolution(*second, 30, one, two, "full")
    inhibited_convolution(*second, 30, one, two, "reproducible", route="dense")
    spiking_convolution(*layer(2, 224, 64, 7), 30, one, (3, 3, 3, 3), "full", True)
    # few bins, few maps, one position
    spiking_convolution(*second, 20, one, two, "full", True, route="dense")
    spiking_convolution(*second[:2], None, 30, one, two, "full", True, route="dense")
    spiking_convolution(*layer(6, 1, 10, 1), 3, one, none, "full", False)
    wide = layer(100, 14, 200, 3, torch.float64)
    spiking_convolution(*wide, 30, one, none, "full", True)
    inhibited_convolution(*wide, 30, one, none, "full")


def others():
    """Pooling, inhibition, winners and learning."""
    from neurospyke.sim.ops.kernels.learning_step import learning_step
    from neurospyke.sim.ops.kernels.pointwise_inhibition import pointwise_inhibition
    from neurospyke.sim.ops.kernels.pool import pool
    from neurospyke.sim.ops.kernels.winners import winners

    latency, weight, threshold = layer(6, 28, 100, 5)
    pool(latency, (2, 2), (2, 2), (0, 0, 0, 0))
    drive = torch.zeros(latency.shape)
    pointwise_inhibition(latency, drive)
    winners(latency, drive, 5, 3)
    for window, stabilizer, clamp in [(None, True, "winners"), (torch.zeros(30), False, "all")]:
        tables = (threshold, threshold, threshold, threshold, window)
        rule = (15, 5, None, stabilizer, clamp, (1, 1), (2, 2, 2, 2), False)
        learning_step(weight, latency, threshold, *tables, *rule, route="events")


def main():
    JITFunction.run = compile_instead
    # nothing is launched, so there is no device to choose
    torch.cuda.device_of = lambda _: nullcontext()
    convolutions()
    others()


if __name__ == "__main__":
    main()
