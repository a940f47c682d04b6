"""Every figure on data of the size and kind that it is for."""

from collections.abc import Callable
from typing import Any, NamedTuple

import numpy as np
import pandas as pd

from neurospyke import figures
from neurospyke.compare import RDM, Comparison, Decoding, rsa, rsa_map
from neurospyke.responses import Responses

NAMES = ("encoder", "conv1", "pool1", "conv2", "pool2")


def spikes(
    area: str, seed: int, *, time_unit: str = "s", n_trials: int = 40, width: float = 0.005
) -> Responses:
    """Units that prefer one of eight directions, after 50 ms or 5 steps."""
    generator = np.random.default_rng(seed)
    directions: Any = 45.0 * (np.arange(n_trials) % 8)
    liked = 45.0 * generator.integers(8, size=12)
    n_bins, width = (round(0.4 / width), width) if time_unit == "s" else (20, 1.0)
    edges = np.arange(n_bins + 1) * width - (0.1 if time_unit == "s" else 0)
    tuned = np.exp(np.cos(np.radians(directions[:, None] - liked)) / 0.5) / np.e**2
    onset = 0.05 if time_unit == "s" else 4.0
    driven = np.exp(-np.maximum(edges[:-1] - onset, 0) / (20 * width)) * (edges[:-1] >= onset)
    rate = (0.02 + 0.5 * tuned[:, :, None] * driven) * (width / 0.005 if time_unit == "s" else 1)
    values = generator.poisson(rate)
    trials = pd.DataFrame(
        {"stimulus": [f"{each:g}°" for each in directions], "direction": directions}
    )
    units = pd.DataFrame({"unit": range(12), "area": area})
    return Responses(values, trials, units, edges, time_unit=time_unit)


def rdm(seed: int, n: int = 24, source: str = "IT") -> RDM:
    """Three categories apart."""
    generator = np.random.default_rng(seed)
    patterns = generator.normal(size=(n, 30)) + 1.6 * np.repeat(
        generator.normal(size=(3, 30)), n // 3, axis=0
    )
    names = tuple(f"{kind} {k}" for kind in ("face", "hand", "house") for k in range(n // 3))
    rows, columns = np.triu_indices(n, 1)
    values = 1 - np.atleast_2d(np.corrcoef(patterns))[rows, columns]
    return RDM(values, names, dissimilarity="correlation", source=source)


def images(n: int) -> np.ndarray:
    """Gratings, a direction each."""
    down, across = np.mgrid[:20, :20] / 19
    turns = np.arange(n)[:, None, None] / n * np.pi
    phase = np.arange(n)[:, None, None] / 7
    return 0.5 + 0.5 * np.sin(25 * (down * np.sin(turns) + across * np.cos(turns)) + phase)


def comparisons(n_steps: int = 0) -> list[Comparison]:
    found = []
    for place, name in enumerate(NAMES):
        for brain, gain in (("V4", 1.0), ("IT", 0.6)):
            for step in range(1, n_steps + 1) or (None,):
                score = gain * (0.1 + 0.07 * place) * (1 if step is None else step / n_steps)
                found.append(
                    Comparison(
                        "rsa",
                        name,
                        brain,
                        score,
                        (score - 0.05, score + 0.05),
                        ceiling=(gain * 0.5, gain * 0.58),
                        p=0.001 if place else None,
                        conditions=("a", "b", "c"),
                        step=step,
                    )
                )
    return found


def inference(n_models: int = 5) -> Any:
    generator = np.random.default_rng(2)
    truth = generator.gamma(2.0, size=120)
    names = tuple(f"s{n}" for n in range(16))
    noisy = [RDM(truth + generator.normal(size=120), names, dissimilarity="any") for _ in range(8)]
    models = {
        f"{NAMES[place % 5]}{place // 5 or ''}": RDM(
            truth + place / 2 * generator.gamma(2.0, size=120), names, dissimilarity="any"
        )
        for place in range(n_models)
    }
    return rsa(models, noisy, comparator="pearson", n_bootstrap=100, n_permutations=0, seed=0)


def area_map() -> pd.DataFrame:
    generator = np.random.default_rng(1)
    values = generator.normal(size=(16, 8, 8)) + 2 * generator.normal(size=(16, 8, 1)) * (
        np.arange(8) > 3
    )
    trials = pd.DataFrame({"stimulus": [f"s{n}" for n in range(16)]})
    units = pd.DataFrame({"unit": range(8)})
    side = Responses(values, trials, units, np.arange(9) / 20, measure="rate")
    layers = {
        name: side.where(units=range(place + 2), time=(0.2, 0.3))
        for place, name in enumerate(NAMES)
    }
    areas = {"V4": side, "IT": side.where(units=[5, 6, 7])}
    return rsa_map(layers, areas, n_permutations=50, seed=0)


def decoding(n_bins: int = 20) -> Decoding:
    """Two classes, told apart from 50 ms on, and for a while with decoders of other times."""
    edges = np.linspace(-0.1, 0.3, n_bins + 1)
    middles = (edges[:-1] + edges[1:]) / 2
    near = np.exp(-((np.subtract.outer(middles, middles) / 0.1) ** 2))
    late = (middles > 0.05) & (middles < 0.22)
    generator = np.random.default_rng(0)
    accuracy = 0.5 + 0.35 * near * np.outer(late, late)
    noise = generator.normal(0, 0.03, (40, n_bins, n_bins))
    return Decoding(
        scores=(accuracy + noise[0])[None],
        confusion=np.ones((n_bins, 2, 2)),
        classes=("face", "car"),
        held_out=(),
        edges=edges,
        null=0.5 + noise[1:],
        label="stimulus",
    )


def history() -> pd.DataFrame:
    seen = np.arange(10, 610, 10)
    return pd.concat(
        pd.DataFrame(
            {
                "layer": name,
                "n_seen": seen,
                "convergence": 0.16 * np.exp(-seen / (200 + 200 * place)),
                "top_share": 0.3 + 0.2 * np.cos(seen / 60 + place),
                "n_right": (seen / 20).astype(int) if place else None,
                "n_wrong": 20 if place else None,
                "n_silent": 5 if place else None,
            }
        )
        for place, name in enumerate(("conv1", "conv2"))
    )


def training() -> pd.DataFrame:
    places = np.arange(60)
    return pd.DataFrame(
        {
            "epoch": places // 10,
            "loss": 2.3 * np.exp(-places / 20) + 0.2 * np.random.default_rng(0).random(60),
            "accuracy": np.where(places % 10 == 9, 0.9 - 0.5 * np.exp(-places / 15), np.nan),
        }
    )


def energy() -> pd.DataFrame:
    spent = {"spiking": 12.3, "rnn": 610.0, "gru": 1840.0, "lstm": 2460.0}
    return pd.DataFrame(
        {"network": name, "arithmetic": kind, "nanojoule": gain * value, "ratio": value / 12.3}
        for kind, gain in (("int32", 0.7), ("fp32", 1.0))
        for name, value in spent.items()
    )


def selectivity() -> pd.DataFrame:
    generator = np.random.default_rng(3)
    return pd.concat(
        pd.DataFrame(
            {
                "area": name,
                "convention": "vinje_gallant",
                "value": generator.beta(2 + place, 4, 40),
                "status": ["no_response"] * place + ["ok"] * (40 - place),
            }
        )
        for place, name in enumerate(("retina", "V4", "conv2"))
    )


def strokes() -> np.ndarray:
    down, across = np.mgrid[-5:6, -5:6]
    turns = np.arange(32)[:, None, None] / 32 * np.pi
    away = down * np.sin(turns) + across * np.cos(turns)
    return (1 - away**2) * np.exp(-(away**2 + (down**2 + across**2) / 9) / 2)


def latency() -> Responses:
    values = np.random.default_rng(5).gamma(4.0, 1.5, size=(40, 30, 1)).round().clip(0, 15)
    trials = pd.DataFrame({"stimulus": [str(n) for n in range(40)]})
    units = pd.DataFrame({"unit": range(30), "layer": "conv1"})
    edges = np.array([0.0, 15.0])
    return Responses(values, trials, units, edges, measure="latency", time_unit="step")


class Field(NamedTuple):
    size: tuple[int, int] = (9, 9)
    stride: tuple[int, int] = (4, 4)
    start: tuple[int, int] = (-2, -2)


# every figure draws on the axes it is given, or on new ones
ONE: dict[str, Callable[..., Any]] = {
    "plot_decisions": lambda **on: figures.plot_decisions(history(), **on),
    "plot_decoding": lambda **on: figures.plot_decoding({"all units": decoding()}, **on),
    "plot_energy": lambda **on: figures.plot_energy(energy(), **on),
    "plot_features": lambda **on: figures.plot_features(strokes(), **on),
    "plot_generalization": lambda **on: figures.plot_generalization(decoding(), **on),
    "plot_inference": lambda **on: figures.plot_inference(inference(), **on),
    "plot_latencies": lambda **on: figures.plot_latencies(
        {"conv1": latency(), "conv2": spikes("conv2", 1, time_unit="step")}, **on
    ),
    "plot_learning": lambda **on: figures.plot_learning(history(), **on),
    "plot_mds": lambda **on: figures.plot_mds(rdm(0), images=images(24), **on),
    "plot_psth": lambda **on: figures.plot_psth(
        spikes("V4", 0, width=0.02), unit=0, stimuli=["90°", "180°", "270°"], **on
    ),
    "plot_raster": lambda **on: figures.plot_raster(spikes("V4", 0), unit=0, **on),
    "plot_rdm": lambda **on: figures.plot_rdm(rdm(0), images=images(24), **on),
    "plot_receptive_field": lambda **on: figures.plot_receptive_field(
        Field(), images(3)[1], units=[(0, 0), (2, 3)], **on
    ),
    "plot_scores": lambda **on: figures.plot_scores(comparisons(), **on),
    "plot_selectivity": lambda **on: figures.plot_selectivity(selectivity(), by="area", **on),
    "plot_time_course": lambda **on: figures.plot_time_course(comparisons(6)[:24], **on),
    "plot_training": lambda **on: figures.plot_training(training(), **on),
    "plot_tuning": lambda **on: figures.plot_tuning(
        spikes("V4", 0), "direction", units=[0, 1, 2], **on
    ),
    "plot_winners": lambda **on: figures.plot_winners(
        pd.DataFrame({"layer": "conv1", "map": range(20), "wins": range(20), "n_images": 60}), **on
    ),
}
# those of several panels
SEVERAL: dict[str, tuple[int, Callable[..., Any]]] = {
    "plot_map": (2, lambda **on: figures.plot_map(area_map(), **on)),
    "plot_rdms": (
        2,
        lambda **on: figures.plot_rdms([rdm(0), rdm(1, source="conv2")], images=images(24), **on),
    ),
    "plot_side_by_side": (
        4,
        lambda **on: figures.plot_side_by_side(
            {"V4, recorded": spikes("V4", 0), "conv2, simulated": spikes("c", 1, time_unit="step")},
            units={"V4, recorded": 0, "conv2, simulated": 3},
            **on,
        ),
    ),
}
