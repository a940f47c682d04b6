"""A virtual recording: two simulated areas whose code is known, for trying an analysis out.

The early area holds Gabor-energy units: every unit sees one place of the image through one
orientation and one size. The later area holds pooled units: every unit multiplies the energies of
two channels at each place and averages the product over a quarter of the image, so it tells what
is there better than where it is. All spikes are Poisson. Nothing here shares code with
the networks that such a recording is compared with.

Source: Adelson and Bergen (1985), energy model, Eq. 11; Heeger (1992), normalisation, Eq. 6.
"""

from dataclasses import dataclass

import numpy as np
import pandas as pd
from scipy.signal import fftconvolve

from neurospyke.recording import Recording

N_ORIENTATIONS = 8
WAVELENGTHS = (4.0, 8.0)  # pixels
# Far below the energy of a visible edge, so that units tell orientation rather than contrast.
SEMISATURATION = 0.005


@dataclass(frozen=True)
class Timing:
    """When a virtual area answers and how much, in seconds and spikes/s.

    Args:
        onset: time from image to first answer.
        duration: time constant of the answer, a gamma density of order two.
        spontaneous: rate without an image.
        driven: spikes added by an image of average drive, spread over the answer.
    """

    onset: float
    duration: float
    spontaneous: float = 2.0
    driven: float = 3.0


EARLY = Timing(onset=0.04, duration=0.025)
LATER = Timing(onset=0.08, duration=0.025)
TRIAL_DURATION = 0.25
TRIAL_SPACING = 0.3


def virtual_recording(
    images: np.ndarray,
    stimuli: list[str],
    *,
    n_units: int = 48,
    n_repetitions: int = 8,
    seed: int,
) -> Recording:
    """Simulated recording of two areas while every image is shown several times.

    A unit's spikes are a Poisson process of rate

        r(t) = spontaneous + driven * max(0, 1 + z) * g(t - onset),

    with z the unit's drive by the image, standardised over images, and g a gamma density.

    Args:
        images: (image, height, width) luminance in [0, 1].
        stimuli: labels of the images.
        n_units: units an area.
        n_repetitions: presentations of each image, in random order.
        seed: seed of positions, order and spikes.

    Returns:
        Recording with the areas "early" and "later" and the trial table "presentations".

    Raises:
        ValueError: if `images` is not (image, height, width) with one label each.

    Source: Adelson and Bergen (1985), Eq. 11.

    >>> noise = np.random.default_rng(0).random((4, 16, 16))
    >>> recording = virtual_recording(noise, list("abcd"), n_units=3, n_repetitions=2, seed=0)
    >>> recording.n_units, len(recording.trials["presentations"])
    (6, 8)
    """
    if images.ndim != 3 or len(images) != len(stimuli):
        raise ValueError(
            "`images` must be (image, height, width) with one label each; "
            f"got shape {images.shape} and {len(stimuli)} labels"
        )
    places, order, spikes = np.random.default_rng(seed).spawn(3)
    energy = gabor_energy(images)
    early = early_drive(energy, n_units, places)
    later = later_drive(energy, n_units, places)
    shown = order.permuted(np.tile(np.arange(len(images)), (n_repetitions, 1)), axis=1)
    starts = TRIAL_SPACING * (1 + np.arange(shown.size))
    span = (0.0, float(starts[-1] + 1.0))
    trains = [
        _poisson_train(drive[shown.ravel()], starts, span, timing, spikes)
        for drives, timing in ((early, EARLY), (later, LATER))
        for drive in drives.T
    ]
    trials = pd.DataFrame(
        {
            "start_time": starts,
            "stop_time": starts + TRIAL_DURATION,
            "stimulus": np.asarray(stimuli, dtype=object)[shown.ravel()],
            "repetition": np.repeat(np.arange(n_repetitions), len(images)),
        }
    )
    return Recording.from_trains(
        trains,
        observed=span,
        units=pd.DataFrame(
            {"unit": np.arange(2 * n_units), "area": np.repeat(["early", "later"], n_units)}
        ),
        trials={"presentations": trials},
        source="virtual recording (simulated, not measured)",
        notes=("simulated: Gabor-energy units and pooled units with Poisson spikes",),
    )


def gabor_energy(images: np.ndarray) -> np.ndarray:
    """Energy of quadrature Gabor pairs at every place, divided by its local mean.

    E = sqrt((I * even)^2 + (I * odd)^2), then E / (s + mean of E over orientations).

    Args:
        images: (image, height, width) luminance in [0, 1].

    Returns:
        (image, channel, height, width) energies; the channels are orientations within wavelengths.
    """
    energies = []
    for wavelength in WAVELENGTHS:
        # A border of zeros would be an edge that no image has.
        margin = _radius(wavelength)
        wide = np.pad(images, ((0, 0), (margin, margin), (margin, margin)), mode="edge")
        pairs = [
            _gabor_pair(np.pi * index / N_ORIENTATIONS, wavelength)
            for index in range(N_ORIENTATIONS)
        ]
        size = np.stack(
            [
                np.hypot(*(fftconvolve(wide, kernel[None], mode="valid") for kernel in pair))
                for pair in pairs
            ],
            axis=1,
        )
        energies.append(size / (SEMISATURATION + size.mean(axis=1, keepdims=True)))
    return np.concatenate(energies, axis=1)


def _radius(wavelength: float) -> int:
    return int(np.ceil(wavelength))


def _gabor_pair(angle: float, wavelength: float) -> tuple[np.ndarray, np.ndarray]:
    radius = _radius(wavelength)
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1].astype(float)
    along = x * np.cos(angle) + y * np.sin(angle)
    window = np.exp(-(x**2 + y**2) / (2 * (0.4 * wavelength) ** 2))
    window /= window.sum()
    even = window * np.cos(2 * np.pi * along / wavelength)
    return even - window * even.sum(), window * np.sin(2 * np.pi * along / wavelength)


def early_drive(energy: np.ndarray, n_units: int, rng: np.random.Generator) -> np.ndarray:
    """Drive of the early units: the energy of one channel at one place.

    Args:
        energy: (image, channel, height, width).
        n_units: how many units.
        rng: draws channels and places.

    Returns:
        (image, unit) drive, standardised over images.
    """
    _, n_channels, height, width = energy.shape
    channels = rng.integers(n_channels, size=n_units)
    rows, columns = rng.integers(height, size=n_units), rng.integers(width, size=n_units)
    return _standardise(energy[:, channels, rows, columns])


def later_drive(energy: np.ndarray, n_units: int, rng: np.random.Generator) -> np.ndarray:
    """Drive of the later units: mean product of two channels over a quarter of the image.

    Args:
        energy: (image, channel, height, width).
        n_units: how many units.
        rng: draws channels and quarters.

    Returns:
        (image, unit) drive, standardised over images.
    """
    _, n_channels, height, width = energy.shape
    drive = np.empty((len(energy), n_units))
    for unit in range(n_units):
        first, second = rng.choice(n_channels, size=2, replace=False)
        top, left = rng.integers(height // 2 + 1), rng.integers(width // 2 + 1)
        quarter = energy[:, :, top : top + height // 2, left : left + width // 2]
        drive[:, unit] = (quarter[:, first] * quarter[:, second]).mean(axis=(1, 2))
    return _standardise(drive)


def _standardise(drive: np.ndarray) -> np.ndarray:
    spread = drive.std(axis=0)
    return (drive - drive.mean(axis=0)) / np.where(spread > 0, spread, 1)


def _poisson_train(
    drive: np.ndarray,
    starts: np.ndarray,
    span: tuple[float, float],
    timing: Timing,
    rng: np.random.Generator,
) -> np.ndarray:
    counts = rng.poisson(timing.driven * np.maximum(0, 1 + drive))
    delays = timing.onset + rng.gamma(2, timing.duration / 2, size=counts.sum())
    n_spontaneous = rng.poisson(timing.spontaneous * (span[1] - span[0]))
    times = np.concatenate([np.repeat(starts, counts) + delays, rng.uniform(*span, n_spontaneous)])
    return np.sort(times[(times >= span[0]) & (times < span[1])])
