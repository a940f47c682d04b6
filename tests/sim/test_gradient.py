"""Learning by gradients: one step by hand, toy problems to the end, resuming, best weights."""

import pytest
import torch
from torch import nn

from neurospyke.sim.checkpoint import read_checkpoint, read_network
from neurospyke.sim.encode import RankOrderEncoder
from neurospyke.sim.gradient import first_to_spike, learn_by_gradient
from neurospyke.sim.layers import Pool, SpikingConvolution, normal_weight
from neurospyke.sim.network import Network
from neurospyke.sim.plasticity import STDP
from neurospyke.sim.spike_time import SpikeTimeLinear
from tests.sim.killed import Killed, killed_after


class Ordinal(nn.Module):
    """Pixels from 0 to 1 as latencies: bin (1 - x) n_bins, silent where black."""

    n_bins = 8

    def forward(self, images):
        return ((1 - images) * 8).floor().masked_fill(images == 0, 255).to(torch.uint8)


def uniform(*shape, high, seed):
    return high * torch.rand(shape, generator=torch.Generator().manual_seed(seed))


def network(seed=0):
    layers = {
        "hidden": SpikeTimeLinear(uniform(20, 16, high=1.0, seed=seed), threshold=2.0, n_bins=8),
        "output": SpikeTimeLinear(uniform(2, 20, high=1.0, seed=seed), threshold=2.0, n_bins=8),
    }
    return Network("two layers", RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=8), layers)


def bars(n=48, seed=0):
    """Noisy images, 4 x 4, of a vertical (0) or horizontal bar (1) anywhere."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.3 * torch.rand(n, 1, 4, 4, generator=generator)
    places = torch.randint(4, (n,), generator=generator)
    labels = torch.arange(n) % 2
    for image, place, label in zip(images, places, labels, strict=True):
        (image[0, place] if label else image[0, :, place]).fill_(1.0)
    return images, labels


def labelled(size=6, n=48):
    return list(zip(*(part.split(size) for part in bars(n)), strict=True))


def same(one, other):
    other = other.state_dict()
    return all(torch.equal(value, other[name]) for name, value in one.state_dict().items())


def test_a_step_by_hand():
    """Inputs in bins 2 and 4, a neuron a class with thresholds 1: they spike in bins 2 and 4.

    Class 1 is right: targets are 2 + 3 and 2, errors (T - t) / 8 are 3/8 and -2/8. Without
    normalization dL/dw = (T - t) / 8^2 for the inputs in time: 3/64, and -2/64 twice.
    """
    weight = torch.tensor([[2.0, 0.0], [0.5, 1.0]])
    output = SpikeTimeLinear(weight, threshold=1.0, n_bins=8, normalize=False)
    start = Network("one layer", Ordinal(), {"output": output})
    batch = (torch.tensor([[[[0.75, 0.5]]]]), torch.tensor([1]))
    steps = []
    learned = learn_by_gradient(
        start, [batch], rate=64.0, penalty=0.0, gap=3.0, observe=steps.append
    )
    assert first_to_spike(start, batch[0]).tolist() == [0]
    new = learned.get_parameter("layers.output.weight")
    assert new.tolist() == [[-1.0, 0.0], [2.5, 3.0]]
    assert steps[0].loss == pytest.approx((9 + 4) / 64 / 2)
    assert (steps[0].n_right, steps[0].n_seen, steps[0].accuracy) == (0, 1, None)
    assert weight.tolist() == [[2.0, 0.0], [0.5, 1.0]] == output.weight.tolist()
    assert first_to_spike(learned, batch[0]).tolist() == [1]
    pulled = learn_by_gradient(start, [batch], rate=64.0, penalty=1 / 128, gap=3.0)
    assert pulled.get_parameter("layers.output.weight").tolist() == [[-2.0, 0.0], [2.25, 2.5]]


def corners(n=96, seed=0):
    """Noisy images, 4 x 4, with one brighter corner of four, its class."""
    generator = torch.Generator().manual_seed(seed)
    images = 0.3 * torch.rand(n, 1, 4, 4, generator=generator)
    labels = torch.arange(n) % 4
    for image, label in zip(images, labels.tolist(), strict=True):
        corner = image[0].unfold(0, 2, 2).unfold(1, 2, 2)[label // 2, label % 2]
        corner += 0.4 + 0.3 * torch.rand(2, 2, generator=generator)
    return images, labels


def four_classes(window):
    hidden, output = uniform(20, 16, high=1.0, seed=0), uniform(4, 20, high=1.0, seed=100)
    layers = {
        "hidden": SpikeTimeLinear(hidden, threshold=2.0, n_bins=8),
        "output": SpikeTimeLinear(output, threshold=2.0, n_bins=8, window=window),
    }
    return Network("two layers", Ordinal(), layers)


@pytest.mark.parametrize("window", [0, 8])
def test_a_toy_problem_is_learned_to_the_end(window):
    (images, labels), start = corners(), four_classes(window)
    before = {name: value.clone() for name, value in start.state_dict().items()}
    assert (first_to_spike(start, images) == labels).float().mean() < 0.5
    batches = list(zip(images.split(6), labels.split(6), strict=True))
    learned = learn_by_gradient(start, batches, rate=0.1, epochs=30, decay=0.97, gap=2.0)
    assert torch.equal(first_to_spike(learned, images), labels)
    others = corners(seed=5)
    assert (first_to_spike(learned, others[0]) == others[1]).float().mean() > 0.9
    assert all(torch.equal(before[name], value) for name, value in start.state_dict().items())


def test_layers_below_stay_as_they_are_and_are_computed_once():
    generator = torch.Generator().manual_seed(0)
    layers = {
        "conv": SpikingConvolution(
            normal_weight((6, 1, 2, 2), 0.6, 0.3, generator),
            threshold=0.8,
            n_bins=8,
            rule=STDP(0.1, -0.1),
        ),
        "pool": Pool(2, 1),
        "output": SpikeTimeLinear(uniform(2, 24, high=1.0, seed=1), threshold=2.0, n_bins=8),
    }
    start = Network("deep", RankOrderEncoder(torch.ones(1, 1, 1, 1), n_bins=8), layers)
    learned = learn_by_gradient(start, labelled(), epochs=2)
    assert torch.equal(*(each.get_parameter("layers.conv.weight") for each in (start, learned)))
    assert not torch.equal(
        *(each.get_parameter("layers.output.weight") for each in (start, learned))
    )
    for max_bytes in (0, 10 * 6 * 9):
        assert same(learned, learn_by_gradient(start, labelled(), epochs=2, max_bytes=max_bytes))


def momentum(weights):
    return torch.optim.SGD(weights, lr=0.2, momentum=0.9, nesterov=True)


@pytest.mark.parametrize("optimizer", ["sgd", "adam", "rmsprop", momentum])
@pytest.mark.parametrize("n_steps", [1, 7, 8, 9, 17, 24])
@pytest.mark.parametrize("patience", [None, 1])
def test_killed_anywhere_and_resumed_ends_the_same(tmp_path, optimizer, n_steps, patience):
    validation = None if patience is None else bars(20, seed=3)
    course = {"epochs": 4, "optimizer": optimizer, "rate": 0.1, "decay": 0.7}
    course |= {"validation": validation, "patience": patience}
    steps = []
    whole = learn_by_gradient(network(), labelled(), observe=steps.append, **course)
    n_steps = min(n_steps, len(steps))
    course |= {"checkpoint": tmp_path / "kept.safetensors", "save_every": 1 + n_steps % 3}
    with pytest.raises(Killed):
        learn_by_gradient(network(), labelled(), observe=killed_after(n_steps), **course)
    rest = []
    resumed = learn_by_gradient(network(), labelled(), observe=rest.append, **course)
    assert same(resumed, whole)
    assert rest == steps[len(steps) - len(rest) :]
    assert len(steps) - n_steps <= len(rest) <= len(steps) - n_steps + 2
    again = []
    done = learn_by_gradient(network(), labelled(), observe=again.append, **course)
    assert again == []
    assert same(done, whole)


class Shuffled:
    """Batches in another order in every pass, as some loaders give them."""

    def __init__(self):
        self.n_passes = 0

    def __iter__(self):
        self.n_passes += 1
        order = torch.randperm(48, generator=torch.Generator().manual_seed(self.n_passes))
        images, labels = bars()
        return zip(images[order].split(6), labels[order].split(6), strict=True)


def test_what_is_no_sequence_is_read_anew_in_every_pass_and_resumed(tmp_path):
    whole = learn_by_gradient(network(), Shuffled(), epochs=3)
    passes = Shuffled()
    assert same(whole, learn_by_gradient(network(), [*passes, *passes, *passes]))
    course = {"epochs": 3, "checkpoint": tmp_path / "kept.safetensors", "save_every": 1}
    with pytest.raises(Killed):
        learn_by_gradient(network(), Shuffled(), observe=killed_after(11), **course)
    assert same(whole, learn_by_gradient(network(), Shuffled(), **course))


def test_a_checkpoint_is_a_network_with_the_optimizers_memory(tmp_path):
    path = tmp_path / "kept.safetensors"
    learned = learn_by_gradient(network(), labelled(), optimizer="adam", checkpoint=path)
    assert same(read_network(path), learned)
    assert {name.split(".", 2)[2] for name in read_checkpoint(path)[2]} == {
        "exp_avg",
        "exp_avg_sq",
        "step",
    }


def test_a_checkpoint_of_another_run_is_refused(tmp_path):
    path = tmp_path / "kept.safetensors"
    learn_by_gradient(network(), labelled(), checkpoint=path)
    for start, batches, course in [
        (network(), labelled(), {"epochs": 2}),
        (network(), labelled(), {"rate": 0.5}),
        (network(), labelled(), {"gap": 2.0}),
        (network(), labelled(), {"optimizer": "adam"}),
        (network(), labelled(), {"optimizer": momentum}),
        (network(), labelled(), {"validation": bars(4)}),
        (network(seed=1), labelled(), {}),
        (network(), labelled(5), {}),
        (network(), labelled()[:-1], {}),
    ]:
        with pytest.raises(ValueError, match="`checkpoint` must be of the same network, batches"):
            learn_by_gradient(start, batches, checkpoint=path, **course)


def test_the_best_weights_are_given_back_and_patience_ends_learning():
    """A rate that grows tenfold with each epoch spoils what the first ones have learned."""
    steps = []
    validation, course = bars(60, seed=3), {"rate": 0.05, "decay": 10.0, "epochs": 9}
    learned = learn_by_gradient(
        network(), labelled(), validation=validation, patience=2, observe=steps.append, **course
    )
    curve = [step.accuracy for step in steps if step.accuracy is not None]
    best = curve.index(max(curve))
    assert len(curve) == best + 3 < 9
    assert [step.accuracy is None for step in steps] == ([True] * 7 + [False]) * len(curve)
    right = first_to_spike(learned, validation[0]) == validation[1]
    assert right.double().mean().item() == max(curve) > curve[-1]
    course["epochs"] = best + 1
    assert same(learned, learn_by_gradient(network(), labelled(), **course))


def test_the_first_to_spike_answers_ties_by_potential_and_silence_by_none():
    weight = torch.tensor([[2.0, 0.0], [3.0, 0.0], [0.0, 2.0]])
    layers = {"output": SpikeTimeLinear(weight, threshold=1.0, n_bins=8)}
    answering = Network("answers", Ordinal(), layers)
    images = torch.tensor([[0.5, 0.25], [0.25, 0.5], [0.0, 0.0], [0.5, 0.5]]).view(4, 1, 1, 2)
    for batch_size in (1, 3, 4):
        found = first_to_spike(answering, images, batch_size=batch_size)
        assert found.tolist() == [1, 2, -1, 1]


@pytest.mark.parametrize(
    ("call", "error", "message"),
    [
        (lambda: learn_by_gradient("net", labelled()), TypeError, "`network` must be a Network"),  # pyright: ignore[reportArgumentType]
        (
            lambda: learn_by_gradient(Network("none", Ordinal(), {"pool": Pool(2)}), labelled()),
            ValueError,
            "`network` must end in layers of the kind SpikeTimeLinear",
        ),
        (
            lambda: first_to_spike(
                Network("above", Ordinal(), {**network().layers, "pool": Pool(2)}), bars()[0]
            ),
            ValueError,
            "`network` must end in layers of the kind SpikeTimeLinear",
        ),
        (lambda: learn_by_gradient(network(), bars()[0].split(6)), TypeError, "must be pairs"),  # pyright: ignore[reportArgumentType]
        (lambda: learn_by_gradient(network(), []), ValueError, "at least one batch"),
        (
            lambda: learn_by_gradient(network(), iter(labelled()), epochs=2),
            ValueError,
            "`batches` must be gone through 2 times",
        ),
        (
            lambda: learn_by_gradient(network(), [(bars()[0], bars()[1] + 1)]),
            ValueError,
            "`labels` must be from 0 to 1",
        ),
        (
            lambda: learn_by_gradient(network(), [(2 * bars()[0], bars()[1])]),
            ValueError,
            "`images` must lie in",
        ),
        (
            lambda: learn_by_gradient(network(), labelled(), optimizer="lbfgs"),
            ValueError,
            "`optimizer` must be one of",
        ),
        (
            lambda: learn_by_gradient(network(), labelled(), optimizer=len),  # pyright: ignore[reportArgumentType]
            TypeError,
            "`optimizer` must be a name or a function",
        ),
        (lambda: learn_by_gradient(network(), labelled(), rate=0.0), ValueError, "`rate` must be"),
        (lambda: learn_by_gradient(network(), labelled(), decay=0.0), ValueError, "`decay` must"),
        (
            lambda: learn_by_gradient(network(), labelled(), penalty=-1.0),
            ValueError,
            "`penalty` must be at least 0",
        ),
        (
            lambda: learn_by_gradient(network(), labelled(), patience=1),
            ValueError,
            "`validation` must be given with `patience`",
        ),
        (
            lambda: learn_by_gradient(network(), labelled(), validation=(bars()[0], bars(4)[1])),
            ValueError,
            "`validation` must be a pair of tensors",
        ),
        (
            lambda: learn_by_gradient(network(), labelled(), gap=99.0),
            ValueError,
            "`gap` must be above 0 and at most 8 bins",
        ),
    ],
)
def test_bad_input(call, error, message):
    with pytest.raises(error, match=message):
        call()
