import json
import os
import subprocess
import sys
from pathlib import Path

import pytest

# What a program may have of a multiprocessor of an H100 or H200.
SHARED_BYTES = 227 * 1024
REGISTERS = 65_536
# Words that the assembler puts aside, outside the sums, to run more programs at a time.
SPILLED_BYTES = 32


@pytest.fixture(scope="module")
def compiled(tmp_path_factory):
    """One record a kernel that the ops would launch on an H100 or H200, compiled for it here."""
    script = Path(__file__).with_name("compile_only.py")
    folder = str(tmp_path_factory.mktemp("triton"))
    # not interpreted, and so not in this process
    environment = {**os.environ, "TRITON_INTERPRET": "0", "TRITON_CACHE_DIR": folder}
    done = subprocess.run(
        [sys.executable, script], env=environment, capture_output=True, text=True, check=False
    )
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_every_kernel_compiles(compiled):
    assert {one["kernel"] for one in compiled} == {
        "dense_convolution",
        "dense_inhibition",
        "earliest",
        "event_convolution",
        "keep_winner",
        "learn",
        "spikes",
        "split",
        "take_all",
    }


def test_every_kernel_fits(compiled):
    for one in compiled:
        limit = SPILLED_BYTES if one["kernel"] == "event_convolution" else 0
        assert one["spilled"] <= limit, one
        assert one["shared"] <= SHARED_BYTES, one
        assert one["registers"] * 32 * one.get("num_warps", 4) <= REGISTERS, one


def test_sums_are_taken_on_the_tensor_cores(compiled):
    dense = [one for one in compiled if one["kernel"].startswith("dense")]
    assert {one["PARTS"] for one in dense} == {1, 2, 3}
    assert all(one["wgmma"] for one in dense)
