import pytest
import torch

from neurospyke.sim.models.yin2021 import TASKS, yin2021
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


def test_other_files_are_refused(tmp_path):
    path = tmp_path / "other"
    path.write_bytes(b"not a network")
    with pytest.raises(ValueError, match="must be a safetensors file"):
        read_stream_network(path)
    write_stream_network(path, yin2021("ecg", seed=0))
    with pytest.raises(ValueError, match="`max_bytes`"):
        read_stream_network(path, max_bytes=10)
    path.write_bytes(path.read_bytes().replace(b"AdaptiveLIF", b"AdaptiveXXX"))
    with pytest.raises(ValueError, match="no layer of the kind 'AdaptiveXXX'"):
        read_stream_network(path)
