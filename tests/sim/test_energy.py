from typing import Any

import numpy as np
import pandas as pd
import pytest
import torch

from neurospyke.sim.energy import count_operations, energy_table, gated_operations
from neurospyke.sim.models.yin2021 import read_yin2021, yin2021
from neurospyke.sim.neurons import AdaptiveLIF
from neurospyke.sim.stream import StreamNetwork


def test_operations_by_hand():
    # every unit spikes in every step: a current of 20 over a threshold of 0.1
    sure, tau = torch.full((2, 1), 20.0), torch.full((2,), 10.0)
    first = AdaptiveLIF(sure, tau, threshold=0.1, recurrent=torch.zeros(2, 2))
    second = AdaptiveLIF(torch.full((3, 2), 50.0), torch.ones(3), torch.ones(3), threshold=0.1)
    network = StreamNetwork("two", {"first": first, "second": second}, readout="count")
    counts = count_operations(network, torch.ones(4, 5, 1))
    assert counts["spikes"].tolist()[0] == 8
    # 4 input spikes and 8 of its own, to 2 units; then 2 a spike
    assert counts["synaptic"].tolist()[0] == (4 + 8) * 2
    assert counts["ac"].tolist()[0] == (4 + 8) * 2 + 16
    assert counts["mac"].tolist() == [4 * 2, 4 * 3 * 2]
    assert counts["synaptic"].tolist()[1] == 8 * 3
    # numbers have to be multiplied
    numbers = count_operations(network, torch.full((4, 5, 1), 0.9))
    assert numbers["mac"].tolist()[0] == 4 * 2 + 4 * 2 * 1


def test_what_was_counted_says_how_busy_it_was():
    sure, tau = torch.full((2, 1), 20.0), torch.full((2,), 10.0)
    layer = AdaptiveLIF(sure, tau, threshold=0.1)
    network = StreamNetwork("one", {"out": layer}, readout="count")
    inputs = torch.ones(4, 3, 1)
    inputs[1] = -1.0  # a spike of the other sign is added up as well
    inputs[3] = 0.0
    counts: Any = count_operations(network, inputs, batch_size=2).iloc[0]
    assert counts["synaptic"] == 3 * 2
    assert counts["rate"] == counts["spikes"] / (2 * 4)
    assert 0 < counts["rate"] < 1
    assert counts[["inputs", "units", "steps"]].tolist() == [1, 2, 4]


def test_energies_by_hand():
    rows = {"inputs": [4, 3, 2], "units": [3, 2, 5], "steps": [10] * 3}
    counts = pd.DataFrame({**rows, "ac": [60.0, 30.0, 10.0], "mac": [5.0, 3.0, 2.0]})
    table: Any = energy_table(counts).set_index(["network", "arithmetic"])
    # 100 AC of 0.1 pJ and 10 MAC of 3.2 pJ; 0.9 and 4.6 pJ
    assert table.loc[("spiking", "int32"), "nanojoule"] == pytest.approx(0.042)
    assert table.loc[("spiking", "fp32"), "nanojoule"] == pytest.approx(0.136)
    # 4 to 3 to 2 units, read out by 5: per step 4 (12 + 9) + 17 3 + 4 (6 + 4) + 17 2 + 10
    assert table.loc[("lstm", "int32"), "mac"] == 10 * 219
    assert table.loc[("lstm", "fp32"), "nanojoule"] == pytest.approx(2190 * 4.6 / 1000)
    assert table.loc[("lstm", "fp32"), "ratio"] == pytest.approx(2190 * 4.6 / 136)
    assert table.loc[("gru", "int32"), "mac"] == 10 * (3 * 21 + 30 + 3 * 10 + 20 + 10)
    assert table.loc[("rnn", "int32"), "mac"] == 10 * (21 + 10 + 10)
    assert len(table) == 8


def test_gated_networks_by_hand():
    assert gated_operations([4, 36], "lstm", readout=6) == 4 * (4 * 36 + 36 * 36) + 17 * 36 + 216
    assert gated_operations([4, 36], "gru", steps=2) == 2 * (3 * (4 * 36 + 36 * 36) + 360)
    assert gated_operations([4, 3, 2], "rnn") == 12 + 9 + 6 + 4
    with pytest.raises(ValueError, match="`kind` must be one of"):
        gated_operations([4, 3], "mlp")
    with pytest.raises(ValueError, match="`widths` must have"):
        gated_operations([4])
    with pytest.raises(ValueError, match=r"count_operations gives them; \['ac', 'mac'\] missing"):
        energy_table(pd.DataFrame({"inputs": [1], "units": [2], "steps": [3]}))


def test_the_published_ecg_network_saves_a_hundredfold(shared_oracles):
    with np.load(shared_oracles / "srnn_ecg.npz", allow_pickle=False) as file:
        oracle = dict(file)
    weights = {name: array for name, array in oracle.items() if name.startswith("w.")}
    network = read_yin2021(weights, "ecg")
    inputs = torch.from_numpy(oracle["x"]).float().transpose(0, 1)
    table: Any = energy_table(count_operations(network, inputs)).set_index(
        ["network", "arithmetic"]
    )
    assert table.loc[("spiking", "int32"), "nanojoule"] == pytest.approx(272, abs=1)
    assert table.loc[("lstm", "int32"), "ratio"] > 100
    assert table.loc[("lstm", "fp32"), "ratio"] >= 42
    row = table.loc[("spiking", "fp32")]
    spent = row["ac"] * row["ac_picojoule"] + row["mac"] * row["mac_picojoule"]
    assert row["nanojoule"] == pytest.approx(spent / 1000)


def test_bad_input_is_refused_by_name():
    with pytest.raises(TypeError, match="got Bidirectional as 'both'"):
        count_operations(yin2021("timit", 0), torch.zeros(5, 1, 39))
    ecg: Any = yin2021("ecg", 0)
    for inputs, error, message in [
        (torch.zeros(5, 0, 4), ValueError, "`inputs` must have axes .* at least one sample"),
        (torch.zeros(5, 4), ValueError, "`inputs` must have axes"),
        (np.zeros((5, 1, 4)), TypeError, "`inputs` must be a tensor; got ndarray"),
        (torch.full((5, 1, 4), torch.nan), ValueError, "`inputs` must be finite"),
    ]:
        with pytest.raises(error, match=message):
            count_operations(ecg, inputs)
    with pytest.raises(ValueError, match="`batch_size` must be a whole number"):
        count_operations(ecg, torch.zeros(5, 1, 4), batch_size=0)
    with pytest.raises(ValueError, match="`steps` must be a whole number from 1 up"):
        gated_operations([4, 3], steps=0)
