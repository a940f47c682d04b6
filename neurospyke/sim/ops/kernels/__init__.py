"""Triton kernels of the ops for GPUs, one file an op; what several share has files of its own.

Importing an op's file imports Triton. `fixed_point` alone needs only torch.
"""
