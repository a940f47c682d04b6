import numpy as np
import pytest
import torch
from hypothesis import given, settings
from hypothesis import strategies as st

from neurospyke.sim.events import event_stream

EVENT = st.tuples(st.floats(0, 2), st.integers(0, 4))


def test_events_fall_into_their_steps_and_channels():
    first = (np.array([0.0, 0.0039, 0.004, 0.9]), np.array([0, 0, 2, 1]))
    second = (np.array([]), np.array([]))
    counts = event_stream([first, second], 3, step=0.004, n_steps=2, binary=False)
    wanted = torch.zeros(2, 2, 3)
    wanted[0, 0, 0], wanted[1, 0, 2] = 2, 1  # the last event comes after the end
    torch.testing.assert_close(counts, wanted, rtol=0, atol=0)
    binary = event_stream([first, second], 3, step=0.004, n_steps=2)
    torch.testing.assert_close(binary, wanted.clamp(max=1), rtol=0, atol=0)


def test_multiples_of_a_step_start_that_step():
    times = np.array([0.3, 0.7])  # 0.3 / 0.1 is below 3 as a floating-point number
    stream = event_stream([(times, np.zeros(2, int))], 1, step=0.1, n_steps=8)
    assert stream.flatten().nonzero().flatten().tolist() == [3, 7]


@settings(deadline=None, max_examples=50)
@given(st.lists(st.lists(EVENT, max_size=20), max_size=3), st.randoms(use_true_random=False))
def test_no_event_is_lost_and_their_order_does_not_matter(samples, random):
    def stream(lists):
        pairs = [(np.array([t for t, _ in x]), np.array([c for _, c in x], int)) for x in lists]
        return event_stream(pairs, 5, step=0.25, n_steps=9, binary=False)

    counts = stream(samples)
    assert counts.shape == (9, len(samples), 5)
    assert counts.sum((0, 2)).tolist() == [len(x) for x in samples]
    mixed = [random.sample(x, len(x)) for x in samples]
    assert torch.equal(stream(mixed), counts)


@pytest.mark.parametrize(
    ("sample", "more", "message"),
    [
        (([0.1], [0, 1]), {}, "`samples` must have a channel for every time"),
        (([-0.1], [0]), {}, "`samples` must have finite times from 0 s up"),
        (([np.nan], [0]), {}, "`samples` must have finite times"),
        (([0.1], [1.5]), {}, "`samples` must have whole numbers as channels; got float64"),
        (([np.inf], [0]), {}, "`samples` must have finite times"),
        (([0.1], [3]), {}, "`samples` must have channels below 3; got 3 to 3"),
        (([0.1], [0]), {"step": 0.0}, "`step` must be above 0 s"),
        (([0.1], [0]), {"step": "1"}, "`step` must be above 0 s and finite; got '1'"),
        (([0.1], [0]), {"n_steps": 0}, "`n_steps` must be a whole number from 1 up; got 0"),
        (([0.1], [0]), {"n_steps": 2.5}, "`n_steps` must be a whole number from 1 up; got 2.5"),
    ],
)
def test_bad_input_is_refused_by_name(sample, more, message):
    pair = (np.array(sample[0]), np.array(sample[1]))
    with pytest.raises(ValueError, match=message):
        event_stream([pair], 3, **{"step": 0.1, "n_steps": 5, **more})
