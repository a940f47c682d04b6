"""Weights on a fixed-point grid, so that sums are whole numbers and the same in any order.

With M = max |w| over the K weights of a map, and b bits:

    e = floor(log2 M) + 1 - b         one power-of-two step a map, M < 2^(e + b)
    q = clamp(round(w / 2^e), -(2^b - 1), 2^b - 1)         ties to even
    b = min(21, floor(log2((2^31 - 1) / K)))

so that the sum of any of a map's q fits in 32 bits, and three signed digits of 7 bits hold q:
q = d[0] + 128 d[1] + 16384 d[2], |d| <= 127. A sum Q stands for the potential Q 2^e, and

    Q 2^e > threshold   exactly where   Q > floor(threshold / 2^e).

Powers of two are put together from their bits: library functions may round them differently on
different devices.
"""

import torch
from torch import Tensor

DIGITS = 3
DIGIT_BITS = 7
LARGEST_SUM = 2**31 - 1


def fixed_point(weight: Tensor) -> tuple[Tensor, Tensor]:
    """Whole numbers q and exponents e with weight close to q * 2^e, one e a map.

    Args:
        weight: finite float32 or float64 (map, ...), K weights a map.

    Returns:
        q: int32, shape of `weight`; the sum of a map's |q| is below 2^31.
        e: int32 (map,).

    Example:
        Quarters are on the grid: 0.75 = 3 * 2^-2.

        >>> q, e = fixed_point(torch.tensor([[0.75, -0.25]]))
        >>> (q * 2.0 ** e).tolist()
        [[0.75, -0.25]]
    """
    per_map = (-1, *[1] * (weight.ndim - 1))
    bits = _bits(weight[0].numel()) if len(weight) else DIGITS * DIGIT_BITS
    peak = weight.detach().double().abs().flatten(1)
    largest = peak.amax(1) if peak.shape[1] else peak.new_zeros(len(weight))
    # the exponent field of a float64; a map of zeros counts as one of tiny weights
    exponent = ((largest.view(torch.int64) >> 52) - 1023).clamp(min=-900) + 1 - bits
    steps = weight.detach().double() * power_of_two(-exponent).view(per_map)
    most = float(2**bits - 1)
    return steps.round().clamp(-most, most).to(torch.int32), exponent.to(torch.int32)


def _bits(n_weights: int) -> int:
    most = (LARGEST_SUM // max(n_weights, 1)).bit_length() - 1
    return min(DIGITS * DIGIT_BITS, most)


def digits(q: Tensor) -> Tensor:
    """Signed digits of whole numbers, lowest first: int8 (3, *shape of q).

    Example:
        >>> digits(torch.tensor([-130])).tolist()
        [[-2], [-1], [0]]
    """
    size, sign = q.abs(), q.sign()
    planes = [(size >> (DIGIT_BITS * place)) % 2**DIGIT_BITS * sign for place in range(DIGITS)]
    return torch.stack(planes).to(torch.int8)


def whole_threshold(threshold: Tensor, exponent: Tensor) -> Tensor:
    """floor(threshold / 2^e) as int32, so that a sum exceeds it where the potential exceeds theta.

    Args:
        threshold: (map,), any value; infinity and NaN are never exceeded, minus infinity always.
        exponent: int32 (map,), from `fixed_point`.

    Example:
        >>> whole_threshold(torch.tensor([0.6, -0.1]), torch.tensor([-2, -2])).tolist()
        [2, -1]
    """
    steps = (threshold.double() * power_of_two(-exponent)).floor()
    steps = steps.nan_to_num(nan=float(LARGEST_SUM)).clamp(-LARGEST_SUM - 1, LARGEST_SUM)
    return steps.to(torch.int32)


def to_potential(total: Tensor, exponent: Tensor, dtype: torch.dtype) -> Tensor:
    """Round total * 2^e once to `dtype`; `exponent` broadcasts against `total`."""
    return (total.double() * power_of_two(exponent)).to(dtype)


def power_of_two(exponent: Tensor) -> Tensor:
    """2^exponent as float64, exact for exponents from -1022 to 1023.

    Example:
        >>> power_of_two(torch.tensor([-1, 10])).tolist()
        [0.5, 1024.0]
    """
    return ((exponent.to(torch.int64) + 1023).clamp(1, 2046) << 52).view(torch.float64)
