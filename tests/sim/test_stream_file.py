import inspect

import pytest
import torch

from neurospyke.sim.checkpoint import write_network
from neurospyke.sim.models.kheradpisheh2018 import kheradpisheh2018
from neurospyke.sim.models.yin2021 import TASKS, yin2021
from neurospyke.sim.neurons import AdaptiveLIF
from neurospyke.sim.stream import StreamNetwork
from neurospyke.sim.stream_file import read_stream_network, write_stream_network
from tests.conformance import assert_same


@pytest.mark.parametrize("task", ["ecg", "shd", "timit"])
def test_a_network_comes_back_as_it_was(task, tmp_path):
    network = yin2021(task, seed=3, surrogate="linear")
    path = tmp_path / "network.safetensors"
    write_stream_network(path, network, progress={"epoch": 2}, state={"memory": torch.ones(3)})
    back, progress, state = read_stream_network(path)
    inputs = torch.rand(20, 2, TASKS[task].channels)
    assert repr(back) == repr(network)
    assert_same(back(inputs).evidence, network(inputs).evidence)
    assert progress == {"epoch": 2}
    assert_same(state["memory"], torch.ones(3))


def test_every_setting_is_kept(tmp_path):
    settings = {
        "threshold": 0.3,
        "adaptation": 0.7,
        "reset": "immediate",
        "reset_decays": True,
        "surrogate": "slayer",
        "initial": (0.25, 0.5),
    }
    defaults = inspect.signature(AdaptiveLIF.__init__).parameters
    assert all(value != defaults[name].default for name, value in settings.items())
    tau = torch.tensor([3.0, 4.0])
    tensors = {"bias": torch.ones(2), "recurrent": torch.rand(2, 2)}
    one = AdaptiveLIF(torch.rand(2, 3), tau, 2 * tau, **tensors, **settings)  # type: ignore[arg-type]
    assert {*settings, *tensors} == {
        name for name, each in defaults.items() if each.kind is inspect.Parameter.KEYWORD_ONLY
    }
    network = StreamNetwork("one", {"out": one}, readout="membrane", skip=7)
    path = tmp_path / "network.safetensors"
    write_stream_network(path, network, state={"turned": torch.rand(2, 3).T})
    back, progress, state = read_stream_network(path)
    assert (back.name, back.readout, back.skip, progress) == ("one", "membrane", 7, None)
    for name, value in settings.items():
        assert getattr(back.layers["out"], name) == value, name
    assert_same(list(back.parameters()), list(network.parameters()))
    assert state["turned"].shape == (3, 2)


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other"
    path.write_bytes(b"not a network")
    with pytest.raises(ValueError, match="must be a safetensors file"):
        read_stream_network(path)
    write_stream_network(path, yin2021("ecg", seed=0))
    with pytest.raises(ValueError, match="`max_bytes`"):
        read_stream_network(path, max_bytes=10)
    write_network(tmp_path / "latencies", kheradpisheh2018(seed=0))
    with pytest.raises(ValueError, match="'neurospyke stream network 1'; got 'neurospyke network"):
        read_stream_network(tmp_path / "latencies")
    path.write_bytes(path.read_bytes().replace(b"AdaptiveLIF", b"AdaptiveXXX"))
    with pytest.raises(ValueError, match="no layer of the kind 'AdaptiveXXX'"):
        read_stream_network(path)
