import numpy as np
import pytest

from neurospyke.virtual import (
    EARLY,
    N_ORIENTATIONS,
    TRIAL_SPACING,
    early_drive,
    gabor_energy,
    later_drive,
    virtual_recording,
)


def grating(angle: float, wavelength: float, phase: float = 0.0, size: int = 48) -> np.ndarray:
    y, x = np.mgrid[:size, :size]
    along = x * np.cos(angle) + y * np.sin(angle)
    return 0.5 + 0.4 * np.cos(2 * np.pi * along / wavelength + phase)


def test_energy_peaks_at_the_orientation_and_size_of_a_grating() -> None:
    angle = 3 * np.pi / N_ORIENTATIONS
    energy = gabor_energy(grating(angle, 4.0)[None])[0, :, 24, 24]
    assert energy[:N_ORIENTATIONS].argmax() == 3


def test_energy_does_not_depend_on_phase_and_hardly_on_contrast() -> None:
    images = np.stack([grating(0.0, 8.0), grating(0.0, 8.0, 1.3), 0.25 + grating(0.0, 8.0) / 2])
    full, moved, faint = gabor_energy(images)[:, N_ORIENTATIONS, 24, 24]
    assert moved == pytest.approx(full, rel=0.02)
    # Half the contrast is half the energy; normalisation leaves less than a tenth of that.
    assert 0.9 * full < faint < full


def test_later_units_tell_less_of_where_than_early_ones() -> None:
    rng = np.random.default_rng(0)
    images = rng.random((40, 32, 32))
    moved = np.roll(images, 2, axis=(1, 2))
    energy = gabor_energy(np.concatenate([images, moved]))

    def tolerance(drive: np.ndarray) -> float:
        pairs = zip(drive[:40].T, drive[40:].T, strict=True)
        return float(np.mean([np.corrcoef(first, second)[0, 1] for first, second in pairs]))

    early = tolerance(early_drive(energy, 30, np.random.default_rng(1)))
    later = tolerance(later_drive(energy, 30, np.random.default_rng(1)))
    assert later > 0.6
    assert early < 0.3


def test_spikes_follow_the_stated_rates_and_onset() -> None:
    images = np.random.default_rng(0).random((10, 24, 24))
    recording = virtual_recording(
        images, [f"image{i}" for i in range(10)], n_units=20, n_repetitions=20, seed=3
    )
    trials = recording.trials["presentations"]
    assert len(trials) == 200
    np.testing.assert_allclose(np.diff(trials["start_time"]), TRIAL_SPACING)
    assert (trials["stimulus"].value_counts() == 20).all()
    early = recording.where(units="area == 'early'")
    before = early.align("presentations", window=(0.0, EARLY.onset), measure="rate")
    assert before.values.mean() == pytest.approx(EARLY.spontaneous, rel=0.1)
    during = early.align("presentations", window=(EARLY.onset, TRIAL_SPACING), measure="rate")
    # Rectification at zero drive makes the mean a little larger than `driven`.
    driven = (during.values.mean() - EARLY.spontaneous) * (TRIAL_SPACING - EARLY.onset)
    assert EARLY.driven < driven < 1.25 * EARLY.driven


def test_the_same_seed_gives_the_same_recording() -> None:
    images = np.random.default_rng(0).random((3, 16, 16))
    first, again, other = (
        virtual_recording(images, list("abc"), n_units=2, n_repetitions=2, seed=seed)
        for seed in (1, 1, 2)
    )
    np.testing.assert_array_equal(first.spike_times, again.spike_times)
    assert not np.array_equal(first.spike_times, other.spike_times)


def test_images_without_labels_are_refused() -> None:
    with pytest.raises(ValueError, match="`images` must be"):
        virtual_recording(np.zeros((3, 8, 8)), ["a"], seed=0)
