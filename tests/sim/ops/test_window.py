import pytest
import torch
import torch.nn.functional as F
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.ops.window import check_fit, output_size, pad_silence, pair, sides


@settings(max_examples=30, deadline=None)
@given(
    size=st.tuples(st.integers(4, 9), st.integers(4, 9)),
    kernel=st.tuples(st.integers(1, 4), st.integers(1, 4)),
    stride=st.tuples(st.integers(1, 5), st.integers(1, 5)),
    padding=st.tuples(*[st.integers(0, 2)] * 4),
)
def test_output_size_is_that_of_a_convolution(size, kernel, stride, padding):
    padded = pad_silence(torch.zeros(1, 1, *size, dtype=torch.uint8), padding)
    expected = F.conv2d(padded.float(), torch.zeros(1, 1, *kernel), stride=stride).shape[2:]
    assert output_size(size, kernel, stride, padding) == tuple(expected)


def test_silence_lies_at_the_top_the_bottom_the_left_and_the_right():
    padded = pad_silence(torch.zeros(1, 1, 1, 1, dtype=torch.uint8), (1, 2, 3, 4))
    assert padded.shape == (1, 1, 4, 8)
    assert (padded == 0).nonzero().tolist() == [[0, 0, 1, 3]]
    assert int((padded == 255).sum()) == 31


@pytest.mark.parametrize(
    "stride", [0, (1, 2, 3), (2, -1), (1.0, 1), True, 2**20 + 1, 2**64, 1.5, None]
)
def test_bad_pairs_are_refused(stride):
    with pytest.raises(ValueError, match="`stride` must be an int above 0 or two"):
        pair(stride, "stride")


@pytest.mark.parametrize("padding", [-1, (1, 2), (0, 0, 0, -1), True, (0, 2**64, 0, 0), 0.5])
def test_bad_paddings_are_refused(padding):
    with pytest.raises(ValueError, match="`padding` must be an int from 0 up or four"):
        sides(padding)


def test_a_window_must_fit_the_padded_input():
    check_fit((2, 2), (3, 3), (1, 0, 0, 1))
    with pytest.raises(ValueError, match=r"\(2, 2\) is smaller than the window \(3, 3\)"):
        check_fit((2, 2), (3, 3), (1, 0, 0, 0))


def test_an_input_is_not_padded_beyond_all_measure():
    check_fit((2, 2), (3, 2), (2**20, 2**20, 0, 0))
    with pytest.raises(ValueError, match="has more than 2147483647 positions; pad less"):
        check_fit((2, 2), (3, 3), (2**20, 2**20, 2**9, 2**9))
