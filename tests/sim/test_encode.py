"""Encoding: silence without contrast, strongest first, one image at a time or many."""

import math
from typing import Any

import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.encode import LinearEncoder, RankOrderEncoder
from neurospyke.sim.filters import difference_of_gaussians, gabor, laplacian_of_gaussian
from neurospyke.sim.intensity import (
    filter_images,
    lateral_intensity_inhibition,
    local_normalization,
)
from neurospyke.sim.latency import SILENT
from neurospyke.sim.ops.rank_order import rank_order

BANK = difference_of_gaussians([(1.0, 2.0), (2.0, 1.0)], 7)


def pictures(seed, n_images=1, height=11, width=9):
    generator = torch.Generator().manual_seed(seed)
    return torch.rand(n_images, 1, height, width, generator=generator)


@pytest.mark.parametrize("radius", [None, 3])
@pytest.mark.parametrize("level", [0.0, 0.3, 1.0])
def test_a_constant_image_is_silent(level, radius):
    encoder = RankOrderEncoder(BANK, normalization_radius=radius)
    assert (encoder(torch.full((2, 1, 12, 10), level)) == SILENT).all()


def test_zeros_put_an_edge_round_a_bright_image():
    latency = RankOrderEncoder(BANK, padding="zeros")(torch.ones(1, 1, 13, 13))
    assert (latency[0, 0, 0] != SILENT).all()
    assert latency[0, 0, 6, 6] == SILENT


def test_latencies_by_hand():
    """One filter that copies its pixel: ranks 0, 1, 1, 3 of 4 in 4 bins, 0.05 below threshold."""
    encoder = RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=4, threshold=0.1)
    images = torch.tensor([[[[0.9, 0.5, 0.5, 0.1, 0.05]]]])
    assert encoder(images).tolist() == [[[[0, 1, 1, 3, SILENT]]]]


def test_normalization_by_hand():
    """0.9 alone is 9 times its mean, 0.9 beside 0.2 is 7.36 times, 0.2 beside 0.9 is 1.64 times."""
    images = torch.zeros(1, 1, 1, 9)
    images[0, 0, 0, [1, 6, 7]] = torch.tensor([0.9, 0.9, 0.2])
    settings = {"bank": torch.ones(1, 1, 1, 1), "n_bins": 3, "threshold": 0.1}
    plain = RankOrderEncoder(**settings)(images)
    local = RankOrderEncoder(**settings, normalization_radius=1)(images)
    assert plain[0, 0, 0, [1, 6, 7]].tolist() == [0, 0, 2]
    assert local[0, 0, 0, [1, 6, 7]].tolist() == [0, 1, 2]


def test_absolute_and_pooled_by_hand():
    """|left - right| is 0.5 0.25 0.25 0.75 within the image; windows of 2 pixels every 2."""
    image = torch.tensor([[[[0.0, 0.5, 0.25, 0.5, 0.5, 1.0]]]]).repeat(1, 1, 2, 1)
    steps = torch.tensor([[[[1.0, -1.0], [0.0, 0.0]]]])
    settings = {"bank": steps, "n_bins": 4, "threshold": 0.1, "padding": "none"}
    on = RankOrderEncoder(**settings)
    assert on.intensity(image).tolist() == [[[[0.0, 0.25, 0.0, 0.0, 0.0]]]]
    both = RankOrderEncoder(**settings, absolute=True)
    assert both.intensity(image).tolist() == [[[[0.5, 0.25, 0.25, 0.0, 0.5]]]]
    assert both(image).tolist() == [[[[0, 2, 2, SILENT, 0]]]]
    wide = image.repeat(1, 1, 2, 1)
    with pytest.raises(ValueError, match="at least the pooling window, 9 x 9; got"):
        RankOrderEncoder(**settings, pool=(9, 2, 1))(wide)
    pooled = RankOrderEncoder(**settings, absolute=True, pool=(2, 2))
    assert pooled.intensity(wide).tolist() == [[[[0.5, 0.25]]]]
    assert pooled(wide).tolist() == [[[[0, 2]]]]
    bordered = RankOrderEncoder(**settings, absolute=True, pool=(2, 2, 1))
    assert bordered.intensity(wide).tolist() == [[[[0.5, 0.25, 0.5]] * 2]]


def test_lateral_inhibition_by_hand():
    """0.5 beside 0.25 and a border: 0.5 (1 + 8 * 0.5), 0.25 (1 + 7 * 0.5), 0.375 alone."""
    images = torch.zeros(1, 1, 1, 7)
    images[0, 0, 0, [1, 2, 5]] = torch.tensor([0.5, 0.25, 0.375])
    encoder = RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=3, lateral_inhibition=[0.5])
    assert encoder.intensity(images)[0, 0, 0].tolist() == [0, 2.5, 1.125, 0, 0, 1.875, 0]
    assert encoder(images)[0, 0, 0, [1, 2, 5]].tolist() == [0, 2, 1]


def test_each_filter_has_its_threshold():
    images = torch.tensor([[[[0.25, 0.5, 0.75]]]])
    encoder = RankOrderEncoder(torch.ones(2, 1, 1, 1), threshold=(0.5, 0.75))
    assert encoder.intensity(images)[0, :, 0].tolist() == [[0, 0.5, 0.75], [0, 0, 0.75]]


def test_inhibition_keeps_the_strongest_filter_and_all_ranks():
    """0.5 and 1.0 on one pixel, 0.25 and 0.5 on the other: ranks 0, 1, 1, 3 of 4, before."""
    bank = torch.tensor([0.5, 1.0, 1.0]).view(3, 1, 1, 1)
    images = torch.tensor([[[[1.0, 0.5]]]])
    settings = {"n_bins": 4, "inhibition": True}
    assert RankOrderEncoder(bank[:2], **settings)(images).tolist() == [
        [[[SILENT, SILENT]], [[0, 1]]]
    ]
    # equal intensities: the first filter; its ranks are 0 and 2 of 6
    latency = RankOrderEncoder(bank, **settings)(images)
    assert latency.tolist() == [[[[SILENT, SILENT]], [[0, 1]], [[SILENT, SILENT]]]]


def test_stages_follow_one_another_as_documented():
    images = pictures(5, 2, 16, 16)
    bank = gabor([22.5, 67.5, 112.5, 157.5])
    encoder = RankOrderEncoder(
        bank,
        threshold=0.1,
        absolute=True,
        pool=(3, 2),
        normalization_radius=2,
        lateral_inhibition=(0.15, 0.12),
    )
    x = filter_images(images, bank, padding="edge", absolute=True, threshold=0.1)
    x = torch.nn.functional.max_pool2d(x, 3, 2)
    x = lateral_intensity_inhibition(local_normalization(x, 2), (0.15, 0.12))
    assert torch.equal(encoder.intensity(images), x)
    assert torch.equal(encoder(images), rank_order(x, 15))


def test_linear_latencies_by_hand():
    """Of the largest, 0.8: shares lost 0, 1/4, 1/2, 3/4 of 8 bins; 0.05 is below the threshold."""
    images = torch.tensor([[[[0.8, 0.6, 0.4, 0.2, 0.05]]]])
    settings = {"bank": torch.ones(1, 1, 1, 1), "n_bins": 8, "threshold": 0.1}
    assert LinearEncoder(**settings)(images).tolist() == [[[[0, 2, 4, 6, SILENT]]]]
    assert LinearEncoder(**settings, bins="spyker")(images).tolist() == [[[[0, 2, 4, 6, SILENT]]]]
    raised = images.clamp(min=0.2)
    # all are above the threshold: the smallest fires by one rule, and never by the other
    assert LinearEncoder(**settings)(raised)[..., 3:].tolist() == [[[[6, 6]]]]
    assert LinearEncoder(**settings, bins="spyker")(raised)[..., 3:].tolist() == [
        [[[SILENT, SILENT]]]
    ]


def test_linear_inhibition_keeps_the_strongest_filter():
    encoder = LinearEncoder(torch.tensor([0.5, 1.0]).view(2, 1, 1, 1), n_bins=4, inhibition=True)
    images = torch.tensor([[[[1.0, 0.5]]]])
    assert encoder(images).tolist() == [[[[SILENT, SILENT]], [[0, 2]]]]


@pytest.mark.parametrize("rule", ["proportional", "equal", "spyker"])
def test_rules_of_rank_order_pass_on(rule):
    images = pictures(2, 2)
    encoder = RankOrderEncoder(BANK, bins=rule)
    assert torch.equal(encoder(images), rank_order(encoder.intensity(images), 15, bins=rule))


def test_without_contrast_only_the_rules_of_spyker_fire():
    images = torch.full((1, 1, 5, 5), 0.5)
    for kind in (RankOrderEncoder, LinearEncoder):
        assert (kind(BANK)(images) == SILENT).all()
        assert (kind(BANK, bins="spyker")(images) == 0).all()


def test_colours_by_hand():
    """ON and OFF pixels of red, green, blue: map c * 2 + f; then of opponent channels."""
    bank = torch.tensor([1.0, -1.0]).view(2, 1, 1, 1)
    images = torch.tensor([[1.0, 0.0], [0.5, 0.0], [0.0, 0.75]]).view(1, 3, 1, 2)
    rgb = RankOrderEncoder(bank, colour="rgb")
    assert rgb.n_channels == 3
    assert rgb.intensity(images)[0, :, 0].tolist() == [
        *([1.0, 0.0], [0.0, 0.0]),
        *([0.5, 0.0], [0.0, 0.0]),
        *([0.0, 0.75], [0.0, 0.0]),
    ]
    opponent = RankOrderEncoder(bank, colour="opponent")
    assert opponent.intensity(images)[0, :, 0].tolist() == [
        *([0.5, 0.25], [0.0, 0.0]),
        *([0.5, 0.0], [0.0, 0.0]),
        *([0.0, 0.75], [0.75, 0.0]),
    ]
    single = RankOrderEncoder(torch.tensor([[0.5, 0.25, 0.0]]).view(1, 3, 1, 1), colour="rgb")
    assert single.intensity(images)[0, :, 0].tolist() == [[0.625, 0.0]]


def test_grey_in_colour_is_silent_in_the_colour_channels():
    grey = pictures(4, 2).repeat(1, 3, 1, 1)
    latency = RankOrderEncoder(BANK, colour="opponent")(grey)
    assert (latency[:, 2:] == SILENT).all()
    luminance = (grey.sum(1, keepdim=True) / 3).clamp(max=1)
    assert torch.equal(latency[:, :2], RankOrderEncoder(BANK)(luminance))


@settings(max_examples=15, deadline=None)
@given(
    st.integers(0, 2**31),
    st.integers(1, 4),
    st.sampled_from([None, 2]),
    st.sampled_from([RankOrderEncoder, LinearEncoder]),
)
def test_batch_is_loop(seed, n_images, radius, kind):
    images = pictures(seed, n_images)
    encoder = kind(
        laplacian_of_gaussian([0.5, 1.1]),
        absolute=True,
        pool=(3, 2, 1),
        normalization_radius=radius,
        lateral_inhibition=(0.1, 0.05),
        inhibition=True,
    )
    apart = torch.cat([encoder(image[None]) for image in images])
    assert torch.equal(encoder(images), apart)
    assert (apart != SILENT).any()


@settings(max_examples=15, deadline=None)
@given(st.integers(0, 2**31))
def test_negative_image_swaps_on_and_off(seed):
    # multiples of 1/256 and filters that sum to zero exactly, so that nothing is rounded
    on = torch.tensor([[[[-0.25, 0.5, -0.25]]]])
    encoder = RankOrderEncoder(torch.cat([on, -on]))
    images = (pictures(seed) * 256).floor() / 256
    assert torch.equal(encoder(images), encoder(1 - images).flip(1))


def test_buffers_travel_with_the_state():
    encoder = RankOrderEncoder(BANK)
    assert list(encoder.state_dict()) == ["bank"]
    other = RankOrderEncoder(torch.zeros_like(BANK))
    other.load_state_dict(encoder.state_dict())
    assert torch.equal(other(pictures(0)), encoder(pictures(0)))
    assert "n_bins=15" in repr(encoder)


@pytest.mark.parametrize(
    ("images", "error", "message"),
    [
        ([[0.5]], TypeError, "got list"),
        (torch.zeros(1, 1, 9, 9, dtype=torch.uint8), TypeError, "divide bytes by 255"),
        (torch.zeros(1, 9, 9), ValueError, r"\(1, 9, 9\)"),
        (torch.zeros(1, 3, 9, 9), ValueError, r"\(1, 3, 9, 9\)"),
        (torch.zeros(0, 1, 9, 9), ValueError, "none of them empty"),
        (torch.full((1, 1, 9, 9), 1.5), ValueError, "1.5 to 1.5"),
        (torch.full((1, 1, 9, 9), -0.5), ValueError, "-0.5"),
        (torch.tensor([0.0, math.nan]).repeat(9, 5)[None, None], ValueError, "nan"),
        (torch.full((1, 1, 9, 9), math.inf), ValueError, "inf"),
    ],
)
def test_bad_images(images, error, message):
    with pytest.raises(error, match=message):
        RankOrderEncoder(BANK)(images)


@pytest.mark.parametrize(
    ("settings", "error", "message"),
    [
        ({"n_bins": 0}, ValueError, "`n_bins`"),
        ({"threshold": 0.0}, ValueError, "above 0"),
        ({"threshold": math.nan}, ValueError, "above 0"),
        ({"padding": "same"}, ValueError, "'same'"),
        ({"bins": "linear"}, ValueError, "'linear'"),
        ({"normalization_radius": 0}, ValueError, "`normalization_radius`"),
        ({"threshold": (0.1, 0.1, 0.1)}, ValueError, "each of 2 filters; got 3"),
        ({"threshold": (0.1, 0.0)}, ValueError, "above 0"),
        ({"pool": (2,)}, ValueError, "`pool`"),
        ({"pool": (2.0, 2)}, ValueError, "`pool`"),
        ({"pool": (2, 0)}, ValueError, "stride from 1 up"),
        ({"pool": (2, 1, 2)}, ValueError, "half the window"),
        ({"lateral_inhibition": ()}, ValueError, "`lateral_inhibition` must be finite"),
        ({"colour": "lab"}, ValueError, "`colour` must be .*'lab'"),
        ({"bank": BANK.repeat(1, 3, 1, 1)}, ValueError, r"filter, 1, height, width\); got"),
        ({"bank": BANK.repeat(1, 2, 1, 1), "colour": "rgb"}, ValueError, "or .filter, 3"),
        ({"bank": BANK[0]}, ValueError, "filter, 1, height, width"),
        ({"bank": BANK.int()}, TypeError, "`bank`"),
    ],
)
@pytest.mark.parametrize("kind", [RankOrderEncoder, LinearEncoder])
def test_bad_settings(kind, settings, error, message):
    with pytest.raises(error, match=message):
        kind(**dict[str, Any](bank=BANK) | settings)


@pytest.mark.parametrize(
    ("images", "message"),
    [
        (torch.zeros(2, 1, 9, 9), r"\(batch, 3, height, width\).*\(2, 1, 9, 9\).*colour=True"),
        (torch.full((2, 3, 9, 9), 1.5), "1.5 to 1.5"),
    ],
)
def test_bad_colour_images(images, message):
    with pytest.raises(ValueError, match=message):
        RankOrderEncoder(BANK, colour="opponent")(images)
