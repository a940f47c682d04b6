"""What filters and neighbours make of images: frozen outputs, sums by hand, bad input."""

import json

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.filters import gabor
from neurospyke.sim.intensity import (
    filter_images,
    lateral_intensity_inhibition,
    local_normalization,
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


def test_local_normalization_oracle(oracle):
    arrays, meta = oracle("local_normalization")
    for radius in meta["radii"]:
        close(local_normalization(arrays["x"], radius), arrays[f"r{radius}"])


def test_lateral_intensity_inhibition_oracle(oracle):
    arrays, meta = oracle("lateral_intensity_inhibition")
    close(lateral_intensity_inhibition(arrays["x"], meta["percents"]), arrays["y"])


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


def test_a_bank_of_one_channel_goes_over_each_colour():
    """Output map c * 2 + f is filter f on channel c; thresholds go with the filters."""
    bank = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    image = torch.tensor([0.25, -0.5, 0.375]).view(1, 3, 1, 1)
    out = filter_images(image, bank, threshold=[0.25, 0.5])
    assert out.flatten().tolist() == [0.25, 0, 0, 0.5, 0.375, 0]


def test_a_bank_of_all_channels_sums_over_them():
    bank = torch.tensor([[1.0, -1.0, 0.0], [0.25, 0.25, 0.5]]).view(2, 3, 1, 1)
    image = torch.tensor([0.25, 0.5, 1.0]).view(1, 3, 1, 1)
    assert filter_images(image, bank).flatten().tolist() == [-0.25, 0.6875]


IMAGE = torch.zeros(1, 1, 5, 5)
BANK = torch.zeros(1, 1, 3, 3)


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
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
        (lambda: filter_images(IMAGE, BANK.repeat(1, 3, 1, 1)), ValueError, "got 3"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
