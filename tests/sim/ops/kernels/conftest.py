"""Kernels run compiled where there is a GPU, else line by line in Triton's interpreter."""

import os
from importlib.util import find_spec

import torch

# Triton reads this when it is imported, which no test module here has done yet.
os.environ["TRITON_INTERPRET"] = "0" if torch.cuda.is_available() else "1"

if find_spec("triton") is None:
    collect_ignore = [
        "test_" + name + ".py"
        for name in (
            "compilation",
            "graphs",
            "learning_step",
            "plasticity",
            "pooling",
            "scans",
            "spiking_convolution",
            "inhibited_convolution",
        )
    ]
