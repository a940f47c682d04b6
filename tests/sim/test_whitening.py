"""Whitening: white where it should be, undone exactly, kept in files, ready for spikes."""

import math

import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.intensity import filter_images, on_off
from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.rank_order import rank_order
from neurospyke.sim.whitening import (
    Whitening,
    WhiteningEncoder,
    fit_whitening,
    sample_patches,
)
from neurospyke.storage import write_arrays


def natural(n_images=60, channels=1, side=6, seed=0):
    """Images in [0, 1] whose neighbours resemble one another."""
    noise = torch.rand(
        n_images,
        channels,
        side + 2,
        side + 2,
        dtype=torch.float64,
        generator=torch.Generator().manual_seed(seed),
    )
    return torch.nn.functional.avg_pool2d(noise, 3, stride=1)


def test_two_pixels_by_hand():
    """Along (1, 1) squares add to 16, along (1, -1) to 4: variances 16 / 3 and 4 / 3, r = 1 / 3."""
    pairs = torch.tensor([[2.0, 2.0], [-2.0, -2.0], [1.0, -1.0], [-1.0, 1.0]]).double()
    whitening = fit_whitening(pairs.view(4, 1, 1, 2) + 0.5, regularization=1 / 3)
    torch.testing.assert_close(whitening.variances, torch.tensor([4 / 3, 16 / 3]).double())
    assert whitening.mean.flatten().tolist() == [0.5, 0.5]
    along, across = 1 / math.sqrt(16 / 3 + 1 / 3), 1 / math.sqrt(4 / 3 + 1 / 3)
    same, other = (along + across) / 2, (along - across) / 2
    torch.testing.assert_close(
        whitening.matrix, torch.tensor([[same, other], [other, same]]).double()
    )
    out = whitening.transform(torch.tensor([[[[1.5, 0.5]]]]).double())
    torch.testing.assert_close(out, torch.tensor([[[[same, other]]]]).double())


def test_whitened_images_are_white():
    images = natural(400, side=4)
    out = fit_whitening(images, regularization=1e-9).transform(images).flatten(1)
    torch.testing.assert_close(torch.cov(out.T), torch.eye(16).double(), rtol=0, atol=1e-5)
    torch.testing.assert_close(out.mean(0), torch.zeros(16).double(), rtol=0, atol=1e-9)


def test_covariance_shrinks_as_regularization_says():
    images = natural(400, side=4)
    whitening = fit_whitening(images, regularization=0.02)
    covariance = torch.cov(whitening.transform(images).flatten(1).T)
    shares = whitening.variances / (whitening.variances + 0.02)
    expected = whitening.axes * shares @ whitening.axes.T
    torch.testing.assert_close(covariance, expected)
    # fewer images than pixels: directions without variance stay at 0
    few = fit_whitening(natural(5))
    assert few.variances.min() >= 0
    assert (few.variances < 1e-12).sum() == 36 - 4
    assert few.transform(natural(50, seed=1)).abs().max() < 20


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31), st.sampled_from([1, 3]), st.sampled_from([1e-4, 0.01, 1.0]))
def test_inverse_undoes_transform(seed, channels, regularization):
    images = natural(20, channels, seed=seed)
    whitening = fit_whitening(images[:10], regularization=regularization)
    there = whitening.transform(images)
    torch.testing.assert_close(whitening.inverse(there), images, rtol=0, atol=1e-9)
    parts = on_off(there)
    assert parts.min() >= 0
    torch.testing.assert_close(parts[:, :channels] - parts[:, channels:], there)
    assert not (parts[:, :channels] * parts[:, channels:]).any()
    torch.testing.assert_close(whitening.matrix, whitening.matrix.T)


def test_order_of_images_does_not_matter():
    images = natural()
    turned = fit_whitening(images.flip(0)).matrix
    torch.testing.assert_close(turned, fit_whitening(images).matrix)


def test_files_keep_every_bit(tmp_path):
    whitening = fit_whitening(natural(channels=3), regularization=0.25)
    whitening.save(tmp_path / "zca.npz")
    again = Whitening.load(tmp_path / "zca.npz")
    assert torch.equal(again.mean, whitening.mean)
    assert torch.equal(again.matrix, whitening.matrix)
    assert again.regularization == 0.25
    with np.load(tmp_path / "zca.npz", allow_pickle=False) as file:
        assert file["axes"].shape == (108, 108)


@pytest.mark.parametrize(
    ("changes", "message"),
    [
        ({"mean": np.zeros((1, 1, 3))}, "must fit together"),
        ({"axes": np.full((2, 2), np.nan)}, "`axes` must be finite"),
        ({"variances": np.array([-1.0, 1.0])}, "`variances` must be >= 0"),
        ({"variances": np.array([1.0, 1.0], dtype=np.float32)}, "`variances` must be a float64"),
        ({"regularization": 0.0}, "`regularization`"),
        ({"regularization": None}, "`regularization`"),
    ],
)
def test_damaged_files_are_refused(tmp_path, changes, message):
    arrays = {"mean": np.zeros((1, 1, 2)), "axes": np.eye(2), "variances": np.ones(2)}
    meta = {"regularization": 0.5}
    for key, value in changes.items():
        (meta if key in meta else arrays)[key] = value
    write_arrays(tmp_path / "zca.npz", "Whitening", arrays, meta)
    with pytest.raises(ValueError, match=message):
        Whitening.load(tmp_path / "zca.npz")


def test_filters_of_patches_have_centre_and_surround():
    """Away from the border, the bank's response is the whitened patch's middle, less its mean."""
    images = natural(80, side=12)
    patches = sample_patches(images, 5, 2000, torch.Generator().manual_seed(1))
    whitening = fit_whitening(patches)
    bank = whitening.filters()
    assert bank.shape == (2, 1, 5, 5)
    assert torch.equal(bank[1], -bank[0])
    assert bank[0, 0].argmax() == 12
    assert bank[0, 0, 2, 1] < 0
    torch.testing.assert_close(bank.sum((2, 3)), torch.zeros(2, 1), rtol=0, atol=1e-5)
    patch = images[:1, :, 3:8, 2:7]
    balanced = patch - patch.mean()
    direct = whitening.transform(balanced + whitening.mean)[0, 0, 2, 2]
    response = filter_images(patch, bank.double(), padding="none")
    torch.testing.assert_close(response[0, 0, 0, 0], direct, rtol=0, atol=1e-6)
    latency = RankOrderEncoder(bank)(images)
    assert (latency != SILENT).any((1, 2, 3)).all()
    assert (RankOrderEncoder(bank)(torch.ones(1, 1, 9, 9)) == SILENT).all()


def test_filters_of_colour_patches_take_colour():
    images = natural(40, channels=3, side=8)
    bank = fit_whitening(sample_patches(images, 3, 500, torch.Generator().manual_seed(1))).filters()
    assert bank.shape == (6, 3, 3, 3)
    assert RankOrderEncoder(bank, colour="rgb")(images).shape == (40, 6, 8, 8)


def test_encoder_ranks_what_is_above_and_below():
    """Whitened by one half: 0.5 0.25 -0.25 -0.5 about the mean; ranks 0, 2 ON and 2, 0 OFF."""
    mean, matrix = torch.full((1, 1, 4), 0.5), torch.eye(4) * 2
    encoder = WhiteningEncoder(mean, matrix, n_bins=4, threshold=0.4)
    images = torch.tensor([[[[0.75, 0.625, 0.375, 0.25]]]])
    latency = encoder(images)
    assert latency[0].tolist() == [[[0, SILENT, SILENT, SILENT]], [[SILENT, SILENT, SILENT, 0]]]
    open_wide = WhiteningEncoder(mean, matrix, n_bins=4, threshold=0.1)
    assert open_wide(images)[0].tolist() == [
        [[0, 2, SILENT, SILENT]],
        [[SILENT, SILENT, 2, 0]],
    ]
    assert (encoder(torch.full((1, 1, 1, 4), 0.5)) == SILENT).all()


@pytest.mark.parametrize("channels", [1, 3])
def test_encoder_is_transform_then_rank(channels):
    images = natural(12, channels).float()
    whitening = fit_whitening(images)
    encoder = WhiteningEncoder(whitening.mean, whitening.matrix, threshold=0.2, n_bins=9)
    x = on_off(whitening.transform(images))
    latency = encoder(images)
    assert torch.equal(latency, rank_order(x * (x >= 0.2), 9))
    assert torch.equal(torch.cat([encoder(image[None]) for image in images]), latency)
    assert encoder.n_channels == channels


def test_patches_come_from_the_images():
    images = torch.arange(2 * 3 * 5 * 4.0).view(2, 3, 5, 4)
    patches = sample_patches(images, 3, 200, torch.Generator().manual_seed(0))
    every = images.unfold(2, 3, 1).unfold(3, 3, 1).permute(0, 2, 3, 1, 4, 5).reshape(-1, 27)
    found = (patches.flatten(1)[:, None] == every[None]).all(2)
    assert found.any(1).all()
    assert found.any(0).all()
    again = sample_patches(images, 3, 200, torch.Generator().manual_seed(0))
    assert torch.equal(again, patches)


FITTED = fit_whitening(natural())


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: fit_whitening(natural(1)), ValueError, "at least two"),
        (lambda: fit_whitening(natural() * math.nan), ValueError, "finite"),
        (lambda: fit_whitening(natural(), regularization=0.0), ValueError, "`regularization`"),
        (lambda: fit_whitening(natural()[0]), ValueError, "four axes"),
        (lambda: FITTED.transform(natural(side=5)), ValueError, r"\(1, 6, 6\); got \(1, 5, 5\)"),
        (lambda: FITTED.inverse(natural(channels=3)), ValueError, r"got \(3, 6, 6\)"),
        (FITTED.filters, ValueError, "odd sides"),
        (
            lambda: sample_patches(natural(), 7, 3, torch.Generator()),
            ValueError,
            "from 1 to 6 pixels",
        ),
        (lambda: encoder_of(n_bins=0), ValueError, "`n_bins`"),
        (lambda: encoder_of(threshold=0.0), ValueError, "above 0"),
        (lambda: encoder_of(bins="linear"), ValueError, "`bins`"),
        (lambda: encoder_of(mean=torch.zeros(2, 3, 6)), ValueError, "one or three channels"),
        (lambda: encoder_of(matrix=torch.eye(35)), ValueError, "`matrix`"),
        (lambda: encoder_of(matrix=None), TypeError, "`matrix`"),
        (lambda: encoder_of()(natural(side=5)), ValueError, "resize them"),
        (lambda: encoder_of()(natural(channels=3)), ValueError, r"\(batch, 1, height"),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()


def encoder_of(**changed):
    return WhiteningEncoder(**{"mean": FITTED.mean, "matrix": FITTED.matrix, **changed})
