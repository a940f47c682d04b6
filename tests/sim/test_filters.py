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
    filter_images,
    gabor,
    laplacian_of_gaussian,
    lateral_intensity_inhibition,
    local_normalization,
    preferred_features,
)


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


def test_local_normalization_oracle(oracle):
    arrays, meta = oracle("local_normalization")
    for radius in meta["radii"]:
        close(local_normalization(arrays["x"], radius), arrays[f"r{radius}"])


def test_lateral_intensity_inhibition_oracle(oracle):
    arrays, meta = oracle("lateral_intensity_inhibition")
    close(lateral_intensity_inhibition(arrays["x"], meta["percents"]), arrays["y"])


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


@settings(max_examples=20, deadline=None)
@given(st.integers(0, 2**31), st.integers(1, 5), st.sampled_from(["zeros", "edge", "none"]))
def test_batch_is_loop(seed, n_images, padding):
    images = torch.rand(n_images, 1, 9, 8, generator=torch.Generator().manual_seed(seed))
    bank = gabor([0.0, 45.0])
    together = filter_images(images, bank, padding=padding, threshold=0.1)
    apart = [filter_images(image[None], bank, padding=padding, threshold=0.1) for image in images]
    assert torch.equal(together, torch.cat(apart))
    assert together.shape[2:] == ((5, 4) if padding == "none" else (9, 8))


def test_filter_images_by_hand():
    """Correlation, not convolution: the filter that looks one to the right brings pixels left."""
    bank = torch.tensor([[[[0.0, 0.0, 1.0]]]])
    image = torch.tensor([[[[0.25, 0.5, 1.0]]]])
    assert filter_images(image, bank).tolist() == [[[[0.5, 1.0, 0.0]]]]
    assert filter_images(image, bank, padding="edge").tolist() == [[[[0.5, 1.0, 1.0]]]]
    assert filter_images(image, bank, padding="none").tolist() == [[[[1.0]]]]
    assert filter_images(image, bank, threshold=1.0).tolist() == [[[[0.0, 1.0, 0.0]]]]
    assert filter_images(image, -bank, threshold=0.0).tolist() == [[[[0.0, 0.0, 0.0]]]]
    assert filter_images(image, -bank, absolute=True).tolist() == [[[[0.5, 1.0, 0.0]]]]
    pair = filter_images(image, torch.cat([bank, bank]), threshold=[0.5, 0.75])
    assert pair.tolist() == [[[[0.5, 1.0, 0.0]], [[0.0, 1.0, 0.0]]]]


def test_gabor_zero_prefers_horizontal_bars():
    images = torch.zeros(2, 1, 5, 5)
    images[0, 0, 2, :] = 1.0
    images[1, 0, :, 2] = 1.0
    out = filter_images(images, gabor([0.0, 90.0]), padding="none")[:, :, 0, 0]
    assert out[0, 0] > out[0, 1]
    assert out[1, 1] > out[1, 0]


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
        (lambda: filter_images(IMAGE.int(), BANK), TypeError, "torch.int32"),
        (lambda: filter_images(IMAGE[0], BANK), ValueError, r"\(1, 5, 5\)"),
        (lambda: filter_images(IMAGE, BANK, padding="same"), ValueError, "'same'"),
        (
            lambda: filter_images(IMAGE[:, :, :2], BANK, padding="none"),
            ValueError,
            "at least as large",
        ),
        (lambda: filter_images(IMAGE, BANK, threshold=[0.1, 0.2]), ValueError, "each of 1 filters"),
        (lambda: local_normalization(IMAGE, 0), ValueError, "`radius`"),
        (lambda: lateral_intensity_inhibition(IMAGE, []), ValueError, "`percents`"),
        (lambda: lateral_intensity_inhibition(IMAGE[0], [0.1]), ValueError, "four axes"),
        (lambda: preferred_features(IMAGE[0], torch.zeros(1, 2, 3, 3)), ValueError, "2 channels"),
        (lambda: preferred_features(IMAGE[0], BANK, 0), ValueError, "`spacing`"),
        (lambda: preferred_features(IMAGE[0].int(), BANK), TypeError, "`features`"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
