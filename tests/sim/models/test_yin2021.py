"""Published weights give the published spikes, answers and gradients."""

from typing import Any

import numpy as np
import pytest
import torch

from neurospyke.sim.models.yin2021 import TASKS, read_yin2021, windows, yin2021
from neurospyke.sim.ops.adaptive_lif_scan import adaptive_lif_scan
from neurospyke.sim.ops.recurrent_adaptive_lif_scan import recurrent_adaptive_lif_scan
from neurospyke.sim.ops.scan import NeuronState
from neurospyke.sim.readout import readout_loss
from tests.conformance import assert_same

NAMES = {"gaussian": "g", "multi_gaussian": "mg", "linear": "linear", "slayer": "slayer"}
LAYERS = {"r1": "raster_r1", "r2": "raster_r2", "d1": "raster_d1", "out": "raster_o"}


@pytest.fixture(scope="module")
def ecg(shared_oracles):
    with np.load(shared_oracles / "srnn_ecg.npz", allow_pickle=False) as file:
        return dict(file)


@pytest.fixture(scope="module")
def smnist(shared_oracles):
    with np.load(shared_oracles / "srnn_smnist.npz", allow_pickle=False) as file:
        return dict(file)


def weights(oracle):
    return {name: array for name, array in oracle.items() if name.startswith("w.")}


def bits(packed, steps):
    return torch.from_numpy(np.unpackbits(packed, axis=1, count=steps)).transpose(0, 1)


def test_ecg_answers_and_rasters_are_the_published_in_float64(ecg):
    network = read_yin2021(weights(ecg), "ecg", dtype=torch.float64)
    inputs = torch.from_numpy(ecg["x"]).double().transpose(0, 1)
    with torch.no_grad():
        out = network(inputs)
    answers = out.evidence.argmax(2)
    assert_same(answers, torch.from_numpy(ecg["pred_f64"]).long().T[10:])
    for layer, raster in (("hidden", "hidden_raster_packed"), ("out", "out_raster_packed")):
        spikes = out.scans[layer].spikes
        assert_same(spikes[:, ecg["sel"]].byte(), bits(ecg[raster], 1301))
        count = ecg[f"spike_count_{layer}"].astype(np.int64)
        assert_same(spikes.sum(0).long(), torch.from_numpy(count))
    membrane = out.scans["out"].membrane[:, ecg["sel"][:4]]
    torch.testing.assert_close(
        membrane, torch.from_numpy(ecg["u_out_f64"]).transpose(0, 1), rtol=0, atol=1e-11
    )
    right = answers == torch.from_numpy(ecg["y"]).long().T[10:]
    assert int(right.sum()) == int(ecg["n_correct_f64"])


def test_ecg_in_float32_keeps_accuracy_and_agreement(ecg):
    network = read_yin2021(weights(ecg), "ecg")
    inputs = torch.from_numpy(ecg["x"]).float().transpose(0, 1)
    labels = torch.from_numpy(ecg["y"]).long().T
    assert network.accuracy(inputs, labels) == pytest.approx(0.8585, abs=0.003)
    same = network.decide(inputs) == torch.from_numpy(ecg["pred_f64"]).long().T[10:]
    assert same.double().mean() > 0.995


@pytest.mark.parametrize("surrogate", NAMES)
@pytest.mark.parametrize("adaptation", ["0", "1.8"])
def test_ecg_gradients_are_the_published(ecg, surrogate, adaptation):
    name = f"grad.{NAMES[surrogate]}.betah{adaptation}"
    keys = [key.removeprefix(f"{name}.") for key in ecg if key.startswith(f"{name}.")]
    p: dict[str, Any] = {
        key: torch.from_numpy(ecg[f"w.{key}"]).double().requires_grad_()
        for key in keys
        if key != "loss"
    }
    steps = int(ecg["grad_T"])
    inputs = torch.from_numpy(ecg["x"][ecg["grad_samples"]]).double().transpose(0, 1)[:steps]
    labels = torch.from_numpy(ecg["y"][ecg["grad_samples"]]).long().T[10:steps]
    settings = {"threshold": 0.1, "surrogate": surrogate}

    def start(units):
        zeros = torch.zeros(2, units, dtype=torch.float64)
        return NeuronState(zeros, zeros, torch.full_like(zeros, 0.1))

    linear = torch.nn.functional.linear
    hidden = recurrent_adaptive_lif_scan(
        linear(inputs, p["i2h.weight"], p["i2h.bias"] + p["h2h.bias"]),
        p["h2h.weight"],
        p["tau_m_h"],
        p["tau_adp_h"],
        start(36),
        adaptation=float(adaptation),
        **settings,
    )
    out: Any = adaptive_lif_scan(
        linear(hidden.spikes, p["h2o.weight"], p["h2o.bias"]),
        p["tau_m_o"],
        p["tau_adp_o"],
        start(6),
        adaptation=1.8,
        return_membrane=True,
        **settings,
    )
    loss = readout_loss(out.membrane[10:], labels)
    assert loss.item() == pytest.approx(float(ecg[f"{name}.loss"]), rel=1e-12)
    loss.backward()
    for key, value in p.items():
        expected = torch.from_numpy(ecg[f"{name}.{key}"])
        assert (value.grad - expected).norm() <= 1e-12 * expected.norm(), key


def test_smnist_is_the_published_in_float64(smnist):
    network = read_yin2021(weights(smnist), "smnist", dtype=torch.float64)
    with torch.no_grad():
        out = network(windows(torch.from_numpy(smnist["images"]).double() / 255))
    assert_same(out.evidence, torch.from_numpy(smnist["counts_f64"]))
    counted = torch.stack([scan.spikes.sum((0, 2)) for scan in out.scans.values()], 1)
    assert_same(counted, torch.from_numpy(smnist["spike_count"].astype(float)))
    for layer, raster in LAYERS.items():
        spikes = out.scans[layer].spikes[:, smnist["sel"].tolist()]
        assert_same(spikes.byte(), bits(smnist[raster], 784))


def test_smnist_starts_from_the_published_random_states(smnist):
    network = read_yin2021(weights(smnist), "smnist", dtype=torch.float64)
    states = network.start(200)
    for layer, name in {"r1": "r1", "r2": "r2", "d1": "d1", "out": "o"}.items():
        drawn = torch.from_numpy(smnist[f"init_{name}"]).double()
        states[layer] = states[layer]._replace(membrane=drawn, spikes=drawn)
    with torch.no_grad():
        out = network(windows(torch.from_numpy(smnist["images"]).double() / 255), states)
    assert_same(out.evidence, torch.from_numpy(smnist["counts_rand"]))


def test_smnist_gradients_are_the_published(smnist):
    network = read_yin2021(weights(smnist), "smnist", dtype=torch.float64)
    out = network(windows(torch.from_numpy(smnist["images"][:4]).double() / 255))
    loss = readout_loss(out.evidence, torch.from_numpy(smnist["labels"][:4]).long())
    assert loss.item() == pytest.approx(float(smnist["grad.loss"]), rel=1e-9)
    loss.backward()
    layers: Any = network.layers
    suffixes = {"r1": "r1", "r2": "r2", "d1": "d1", "out": "o"}
    for layer, suffix in suffixes.items():
        for kind, key in (("membrane", "m"), ("adaptation", "adp")):
            tau = getattr(layers[layer], f"tau_{kind}").detach()
            # learned as logarithms: d/d log tau = tau d/d tau
            found = getattr(layers[layer], f"log_tau_{kind}").grad / tau
            expected = torch.from_numpy(smnist[f"grad.tau_{key}_{suffix}"])
            assert (found - expected).norm() <= 1e-12 * expected.norm()
    arrays = {"r1": "i2h", "r2": "h2d", "d1": "dense1", "out": "d2o"}
    for layer, name in arrays.items():
        expected = torch.from_numpy(smnist[f"grad.{name}.bias"])
        assert (layers[layer].bias.grad - expected).norm() <= 1e-12 * expected.norm()
        # kept in float32
        expected = torch.from_numpy(smnist[f"grad.{name}.weight"]).double()
        assert (layers[layer].weight.grad - expected).norm() <= 1e-6 * expected.norm()
    for layer, name in {"r1": "h2h", "r2": "d2d"}.items():
        expected = torch.from_numpy(smnist[f"grad.{name}.weight"]).double()
        assert (layers[layer].recurrent.grad - expected).norm() <= 1e-6 * expected.norm()


def test_shd_weights_are_read(shared_data):
    (path,) = (shared_data / "srnn_yin2021").glob("SHD*.npz")
    network = read_yin2021(path, "shd")
    out = network(torch.zeros(20, 2, 700))
    assert out.evidence.shape == (2, 20)
    torch.testing.assert_close(out.evidence.sum(1), torch.full((2,), 9.0))


@pytest.mark.parametrize("task", TASKS)
def test_every_task_has_its_network(task):
    network = yin2021(task, seed=0)
    out = network(torch.rand(20, 2, TASKS[task].channels))
    out.evidence.sum().backward()
    assert all(each.grad is not None for each in network.parameters())
    again, other = yin2021(task, seed=0), yin2021(task, seed=1)
    assert_same(list(again.parameters()), list(network.parameters()))
    for layer in network.modules():
        for name in ("tau_membrane", "tau_adaptation"):
            tau = getattr(layer, name, None)
            assert tau is None or tau.min() > 0.999
    first = next(iter(network.parameters()))
    assert not torch.equal(next(iter(other.parameters())), first)


def test_initial_weights_are_drawn_as_published():
    def recurrent(task, layer):
        module: Any = yin2021(task, seed=0).layers[layer]
        return module.recurrent.detach()

    for task, layer in (("ecg", "hidden"), ("smnist", "r1"), ("shd", "h2"), ("ssc", "h1")):
        weight = recurrent(task, layer)
        torch.testing.assert_close(weight @ weight.T, torch.eye(len(weight)), rtol=0, atol=1e-5)
    for layer in ("r1", "r2"):
        assert recurrent("psmnist", layer).abs().max() == 0
    for task, layer, units in (("smnist", "r2", 256), ("ssc", "h2", 400)):
        weight = recurrent(task, layer)
        bound = (6 / (2 * units)) ** 0.5  # of a uniform distribution
        assert 0.99 * bound < weight.abs().max() <= bound
    # normal distributions, of variance 2 / n into a unit, and 2 / (n + m)
    assert recurrent("gsc", "h2").std().item() == pytest.approx((2 / 256) ** 0.5, rel=0.02)
    first: Any = yin2021("gsc", seed=0).layers["h1"]
    assert first.weight.std().item() == pytest.approx((2 / (120 + 256)) ** 0.5, rel=0.02)
    assert first.weight.abs().max() > 3.5 * first.weight.std()


def test_both_directions_see_time_from_either_end():
    both: Any = yin2021("timit", seed=0).layers["both"]
    inputs = torch.rand(10, 1, 39) * 30
    turned = both.backwards(inputs.flip(0)).spikes.flip(0).unflatten(0, (2, 5)).mean(1)
    assert_same(both(inputs).spikes[..., 512:].detach(), turned.detach())
    with pytest.raises(ValueError, match="`inputs` must have a multiple of 5 steps"):
        both(inputs[:7])


def test_broken_weights_are_refused(ecg):
    arrays = weights(ecg)
    tau = arrays["w.tau_m_h"].copy()
    for wrong in (np.nan, -3.0, np.inf):
        tau[5] = wrong
        with pytest.raises(ValueError, match=r"`tau_membrane` must be from .* in unit 5"):
            read_yin2021({**arrays, "w.tau_m_h": tau}, "ecg")
    del arrays["w.h2o.bias"]
    with pytest.raises(ValueError, match=r"`path` must hold the array 'h2o.bias'"):
        read_yin2021(arrays, "ecg")
    with pytest.raises(ValueError, match=r"`task` must be one of"):
        read_yin2021(arrays, "cifar")
    with pytest.raises(ValueError, match="whose arrays are known"):
        read_yin2021(arrays, "soli")
