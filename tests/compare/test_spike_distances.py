import sys
from types import SimpleNamespace

import numpy as np
import pytest

from neurospyke.compare.spike_distances import isi_distance, spike_distance
from neurospyke.compare.trains import SpikeTrains


def test_intervals_of_half_the_length_are_half_apart() -> None:
    pytest.importorskip("pyspike", reason="PySpike is optional")
    rows = [np.arange(0, 100, 1.0), np.arange(0, 100, 2.0), []]
    found = isi_distance(SpikeTrains.of(rows, (0, 100)))
    assert found[0, 1] == pytest.approx(0.5, abs=0.02)
    assert found[0, 0] == 0
    assert np.isnan(found[2]).all()


def test_spans_are_averaged_by_their_length() -> None:
    pytest.importorskip("pyspike", reason="PySpike is optional")
    generator = np.random.default_rng(0)
    rows = [np.sort(generator.uniform(0, 3, 40)) for _ in range(3)]
    parts = [(0.0, 1.0), (1.0, 3.0)]
    whole = spike_distance(SpikeTrains.of(rows, parts))
    one, two = (spike_distance(SpikeTrains.of(rows, part)) for part in parts)
    np.testing.assert_allclose(whole, (one + 2 * two) / 3, atol=1e-12)
    assert 0.1 < whole[0, 1] < 0.5
    order = [2, 0, 1]
    other = spike_distance(SpikeTrains.of([rows[unit] for unit in order], parts))
    np.testing.assert_allclose(other, whole[np.ix_(order, order)], atol=1e-12)


def test_what_is_asked_of_pyspike_and_made_of_its_answer(monkeypatch: pytest.MonkeyPatch) -> None:
    # In its place: the difference of the numbers of spikes, in each span of its own length.
    asked = []

    def matrix(trains: list[tuple[np.ndarray, tuple[float, float]]]) -> np.ndarray:
        asked.append([(times.round(9).tolist(), edges) for times, edges in trains])
        numbers = np.array([len(times) for times, _ in trains])
        return np.abs(numbers[:, None] - numbers)

    stand_in = SimpleNamespace(
        SpikeTrain=lambda times, edges: (times, edges),
        spike_distance_matrix=matrix,
        isi_distance_matrix=lambda trains: 10 * matrix(trains),
    )
    monkeypatch.setitem(sys.modules, "pyspike", stand_in)
    trains = SpikeTrains.of([[5.2, 5.4, 6.5], [6.1, 7.0], []], [(5, 6), (6, 9)])
    # |2 - 0| over 1 s and |1 - 2| over 3 s.
    found = spike_distance(trains)
    np.testing.assert_allclose(found[:2, :2], [[0, 5 / 4], [5 / 4, 0]])
    assert np.isnan(found[2]).all()
    assert np.isnan(found[:, 2]).all()
    assert asked[0][0] == ([0.2, 0.4], (0.0, 1.0))
    assert asked[1][1] == ([0.1, 1.0], (0.0, 3.0))
    np.testing.assert_allclose(isi_distance(trains), 10 * found)
    assert spike_distance(SpikeTrains.of([[0.5]], (0, 1))).tolist() == [[0.0]]


def test_without_pyspike_the_error_says_how_to_get_it(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "pyspike", None)
    with pytest.raises(ImportError, match=r"neurospyke\[pyspike\]"):
        spike_distance([[0.5], [0.6]])
