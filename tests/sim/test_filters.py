"""Filter banks against frozen outputs, closed forms and bad input."""

import json
import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.filters import (
    difference_of_gaussians,
    gabor,
    gabor_unit_sum,
    laplacian_of_gaussian,
    preferred_features,
)
from neurospyke.sim.intensity import filter_images


@pytest.fixture(scope="module")
def oracle(shared_oracles):
    def load(name):
        with np.load(shared_oracles / f"spyketorch_{name}.npz") as file:
            arrays = {key: torch.from_numpy(file[key]) for key in file.files}
        return arrays, json.loads((shared_oracles / f"spyketorch_{name}.json").read_text())

    return load


def close(actual, expected):
    torch.testing.assert_close(actual, expected, rtol=1e-5, atol=1e-6)


def test_difference_of_gaussians_oracle(oracle):
    arrays, meta = oracle("dog")
    sigmas = [(kernel["sigma1"], kernel["sigma2"]) for kernel in meta["kernels"]]
    windows = [kernel["window"] for kernel in meta["kernels"]]
    bank = difference_of_gaussians(sigmas, windows)
    close(bank, arrays["bank"])
    for index, window in enumerate(windows):
        close(difference_of_gaussians(sigmas[index : index + 1], window)[0, 0], arrays[f"k{index}"])
    out = filter_images(arrays["image"], bank, threshold=meta["threshold"])
    # values of hundreds summed over 169 products in float32 by the oracle
    torch.testing.assert_close(out, arrays["out"], rtol=1e-5, atol=1e-3)


def test_gabor_oracle(oracle):
    arrays, meta = oracle("gabor")
    bank = gabor(meta["orientations_deg"], meta["window"], divisor=meta["div"])
    close(bank, arrays["bank"])
    close(filter_images(arrays["image"], bank, padding="none", absolute=True), arrays["out_abs"])
    close(gabor(meta["orientations_deg"], 11, divisor=3.0)[:, 0], arrays["bank11"])


def test_preferred_features_oracle(oracle):
    arrays, _ = oracle("deep_feature")
    first = preferred_features(torch.ones(1, 1, 1), arrays["gabor"])
    close(first, arrays["s1"])
    # pooling 7 x 7 passes on what is in the middle of its window
    passed_on = torch.zeros(4, 4, 7, 7)
    passed_on[range(4), range(4), 3, 3] = 1.0
    pooled = preferred_features(first, passed_on)
    close(pooled, arrays["c1"])
    close(preferred_features(pooled, arrays["w"], spacing=6), arrays["s2"])


def test_laplacian_of_gaussian_by_hand():
    """3 x 3, s = sqrt 2: G(1) - G(2), each divided by its own sum."""
    near, far = (
        [math.exp(-distance / (2 * sigma**2)) for distance in (0, 1, 2)] for sigma in (1.0, 2.0)
    )
    sums = [values[0] + 4 * values[1] + 4 * values[2] for values in (near, far)]
    centre, side, corner = (n / sums[0] - f / sums[1] for n, f in zip(near, far, strict=True))
    expected = torch.tensor([[corner, side, corner], [side, centre, side], [corner, side, corner]])
    bank = laplacian_of_gaussian([math.sqrt(2)], 3)
    close(bank[0, 0], expected)
    close(bank[1, 0], -expected)


@settings(max_examples=20, deadline=None)
@given(st.floats(0.3, 5.0), st.floats(1.1, 3.0), st.sampled_from([3, 5, 9]))
def test_filters_sum_to_zero(sigma, ratio, window):
    banks = [
        difference_of_gaussians([(sigma, ratio * sigma), (ratio * sigma, sigma)], window),
        laplacian_of_gaussian([sigma, ratio * sigma], window),
        gabor([0.0, 30.0, 10 * sigma], window, divisor=2 + ratio),
    ]
    for bank in banks:
        assert bank.abs().amax((1, 2, 3)).min() > 0
        torch.testing.assert_close(bank.sum((1, 2, 3)), torch.zeros(len(bank)), rtol=0, atol=1e-5)


def test_difference_of_gaussians_of_unit_sum_by_hand():
    """3 x 3, sigmas 1 and 2: powers of exp(-1/2) and exp(-1/8), over their sums."""
    near, far = math.exp(-1 / 2), math.exp(-1 / 8)
    near_sum, far_sum = 1 + 4 * near + 4 * near**2, 1 + 4 * far + 4 * far**2
    centre, side, corner = (near**k / near_sum - far**k / far_sum for k in range(3))
    expected = torch.tensor([[corner, side, corner], [side, centre, side], [corner, side, corner]])
    bank = difference_of_gaussians([(1.0, 2.0), (2.0, 1.0)], [3, 5], convention="spyker")
    close(bank[0, 0], torch.nn.functional.pad(expected, (1, 1, 1, 1)))
    close(difference_of_gaussians([(2.0, 1.0)], 3, convention="spyker")[0, 0], -expected)
    # what is published as this convention's answer to one bright pixel: the positive part
    spot = torch.zeros(1, 1, 3, 3)
    spot[0, 0, 1, 1] = 1.0
    out = filter_images(spot, bank[:1, :, 1:4, 1:4], threshold=0.0)
    close(out[0, 0], expected.clamp(min=0))
    assert (out == 0).sum() == 4


def test_gabor_of_unit_sum_by_hand():
    """Across rows: exp(-r^2 / 2) exp(-c^2 / 8) cos(pi r / 2 + 60 degrees), over the sum."""
    bank = gabor_unit_sum([0.0], 3, sigma=1.0, wavelength=4.0, aspect=0.5, phase=60.0)
    # cos(-30), cos(60), cos(150) degrees
    across = torch.tensor([math.exp(-1 / 2) * 0.75**0.5, 0.5, -math.exp(-1 / 2) * 0.75**0.5])
    along = torch.tensor([math.exp(-1 / 8), 1.0, math.exp(-1 / 8)])
    expected = across[:, None] * along[None]
    close(bank[0, 0], expected / (0.5 * along.sum()))
    # turned by 90 degrees, the axis runs along the columns
    turned = gabor_unit_sum([90.0], 3, sigma=1.0, wavelength=4.0, aspect=0.5, phase=60.0)
    close(turned[0, 0], bank[0, 0].T)


def test_gabor_of_unit_sum_as_published_software_has_it():
    """Frozen from Spyker 0.1.0: sigma 1, 30 degrees, aspect 0.5, wavelength 4, phase 20 radians."""
    published = [
        [0.1593759, 0.4932081, 0.4703607],
        [0.5681931, 0.3089218, -0.217149],
        [-0.0863344, -0.4072319, -0.2893443],
    ]
    bank = gabor_unit_sum([30.0], 3, sigma=1.0, wavelength=4.0, aspect=0.5, phase=math.degrees(20))
    close(bank[0, 0], torch.tensor(published))


def test_laplacian_of_gaussian_as_published_software_has_it():
    """Frozen from Spyker 0.1.0: answers to one bright pixel, ON then OFF, sigma 1, 3 x 3."""
    spot = torch.zeros(1, 1, 3, 3)
    spot[0, 0, 1, 1] = 1.0
    on, off = filter_images(spot, laplacian_of_gaussian([1.0], 3), threshold=0.0)[0]
    side, centre, corner = 0.0030446, 0.1790365, 0.0478037
    close(on, torch.tensor([[0, side, 0], [side, centre, side], [0, side, 0]]))
    close(off, torch.tensor([[corner, 0, corner], [0, 0, 0], [corner, 0, corner]]))


def test_gabor_zero_prefers_horizontal_bars():
    images = torch.zeros(2, 1, 5, 5)
    images[0, 0, 2, :] = 1.0
    images[1, 0, :, 2] = 1.0
    out = filter_images(images, gabor([0.0, 90.0]), padding="none")[:, :, 0, 0]
    assert out[0, 0] > out[0, 1]
    assert out[1, 1] > out[1, 0]


def unit_sum_gabor(**changed):
    settings = {"sigma": 1.0, "wavelength": 4.0, **changed}
    return gabor_unit_sum([30.0], 5, **settings)


IMAGE = torch.zeros(1, 1, 5, 5)
BANK = torch.zeros(1, 1, 3, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: difference_of_gaussians([(1.0, 2.0)], 4), ValueError, "odd number"),
        (lambda: difference_of_gaussians([(0.0, 2.0)], 3), ValueError, "above 0; got 0.0"),
        (lambda: difference_of_gaussians([(2.0, 2.0)], 3), ValueError, "different widths"),
        (lambda: difference_of_gaussians([(1.0, 2.0)], [3, 3]), ValueError, "got 2 for 1"),
        (lambda: difference_of_gaussians([], 3), ValueError, "at least one"),
        (lambda: laplacian_of_gaussian([]), ValueError, "at least one"),
        (lambda: laplacian_of_gaussian([math.nan]), ValueError, "finite"),
        (lambda: gabor([math.inf]), ValueError, "finite degrees"),
        (lambda: gabor([0.0], divisor=0.0), ValueError, "`divisor`"),
        (
            lambda: difference_of_gaussians([(1.0, 2.0)], 3, convention="peak"),
            ValueError,
            "got 'peak'",
        ),
        (lambda: unit_sum_gabor(sigma=0.0), ValueError, "`sigma`"),
        (lambda: unit_sum_gabor(wavelength=-1.0), ValueError, "`wavelength`"),
        (lambda: unit_sum_gabor(aspect=math.inf), ValueError, "`aspect`"),
        (lambda: unit_sum_gabor(phase=math.nan), ValueError, "`phase` must be finite"),
        (lambda: unit_sum_gabor(phase=90.0), ValueError, "a sum to divide by; at 30 degrees"),
        (lambda: preferred_features(IMAGE[0], torch.zeros(1, 2, 3, 3)), ValueError, "2 channels"),
        (lambda: preferred_features(IMAGE[0], BANK, 0), ValueError, "`spacing`"),
        (lambda: preferred_features(IMAGE[0].int(), BANK), TypeError, "`features`"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
