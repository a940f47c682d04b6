# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown]
# # A retina, a simulated area and a one-spike network, by the same statistics
#
# Forty-nine ganglion cells of a salamander retina (Onken et al. 2016), as many Poisson units of a
# simulated area whose code is known, and as many units of a network whose units fire once: all are
# asked how often and how regularly they fire, how they vary and vary together, what they select,
# how much they tell and when they answer. Every function is called once for all three, and says
# itself where an answer would be an artefact.

# %%
import os
from dataclasses import replace
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

from neurospyke.compare import (
    bits_per_spike,
    count_correlations,
    dimensionality,
    fano_factors,
    interval_statistics,
    mean_matched_fano,
    mutual_information,
    response_latencies,
    shuffle_trials,
    sparseness,
    sttc_table,
    thin,
)
from neurospyke.datasets import read_natural_patches, read_retina_onken2016
from neurospyke.figures import plot_side_by_side
from neurospyke.responses import Responses
from neurospyke.sim import kheradpisheh2018, learn_by_stdp
from neurospyke.virtual import virtual_recording

SEED = 0
HERE = Path(__file__).parent if "__file__" in globals() else Path.cwd()
OUT = Path(os.environ.get("ANALYSES_OUT", HERE / "out")) / "spike_statistics"
OUT.mkdir(parents=True, exist_ok=True)
N_STIMULI, N_REPETITIONS, N_UNITS = 60, 8, 49

# %% [markdown]
# ## Three populations, matched
#
# The same numbers of stimuli, repetitions and units, each step said in the notes of the responses.
# The retina's images are not public; what is compared is how populations code, not what.

# %%
retina = read_retina_onken2016("NaturalImages2")
recorded = retina.align("presentations", (0.0, 0.3), 0.002)
recorded = recorded.where(trials=f"repetition < {N_REPETITIONS}")

patches, stimuli = read_natural_patches(N_STIMULI + 60, size=28, seed=SEED)
labels = list(stimuli["stimulus"][:N_STIMULI])
pixels = patches[:N_STIMULI, 0].numpy()
simulated = virtual_recording(
    pixels, labels, n_units=N_UNITS, n_repetitions=N_REPETITIONS, seed=SEED
).where(units="area == 'early'")
poisson = simulated.align("presentations", (0.0, 0.25), 0.002)

network = kheradpisheh2018(seed=SEED)
for layer in (network.layers["conv1"], network.layers["conv2"]):
    # 15 times the published rate, for a few images where the paper shows thousands
    layer.rule = replace(layer.rule, schedule=None, rate_positive=0.06, rate_negative=-0.045)
network = learn_by_stdp(network, patches[N_STIMULI:].split(10))
shown = patches[:N_STIMULI].repeat(N_REPETITIONS, 1, 1, 1)
noise = torch.randn(shown.shape, generator=torch.Generator().manual_seed(SEED))
spikes = network.responses(
    (shown + 0.05 * noise).clamp(0, 1), labels * N_REPETITIONS, "pool2", measure="spike"
)
active = np.flatnonzero(spikes.values.any(axis=(0, 2)))
chosen = np.sort(np.random.default_rng(SEED).permutation(active)[:N_UNITS])
spikes = spikes.where(units=chosen)

populations = {"retina": recorded, "Poisson area": poisson, "network, pool2": spikes}
for name, responses in populations.items():
    print(f"{name}: {responses}")

# %% [markdown]
# The spikes of one trial, and the mean rate of all units in all trials.

# %%
rasters = plot_side_by_side(populations, trial=1)[0].figure
rasters.savefig(OUT / "rasters.png", dpi=150)
rasters

# %% [markdown]
# ## Single units
#
# The median over units whose status is "ok", and what kept others out. A unit that fires once has
# no interval; one whose intervals last less than five steps would show the grid, not itself.

# %%
UNIT_STATISTICS = {
    "intervals": interval_statistics,
    "Fano factor": fano_factors,
    "sparseness": lambda responses: sparseness(responses, n_samples=100, seed=SEED),
    "bits per spike": bits_per_spike,
    "information": lambda responses: mutual_information(responses, n_shuffles=20, seed=SEED),
    "latency": lambda responses: response_latencies(responses, n_samples=40, seed=SEED),
}


def summary(name: str, group: str, table: pd.DataFrame) -> pd.DataFrame:
    kinds = [column for column in ("measure", "convention", "estimator") if column in table]
    kind = table[kinds[0]] if kinds else pd.Series(group, index=table.index)
    table = table[table["unit"].astype(str) != "population"].assign(kind=kind)
    rows = []
    for label, part in table.groupby("kind", sort=False):
        known = part.loc[part["status"] == "ok", "value"]
        others = part.loc[part["status"] != "ok", "status"].value_counts()
        rows.append(
            {
                "population": name,
                "statistic": label,
                "median": known.median(),
                "low": known.quantile(0.25),
                "high": known.quantile(0.75),
                "n": len(known),
                "status": ", ".join(f"{n} {why}" for why, n in others.items()) or "ok",
            }
        )
    return pd.DataFrame(rows)


units = pd.concat(
    [
        summary(name, group, statistic(responses))
        for name, responses in populations.items()
        for group, statistic in UNIT_STATISTICS.items()
    ],
    ignore_index=True,
)
with pd.option_context("display.width", 140):
    print(units.round(3).to_string(index=False))
units.to_csv(OUT / "units.csv", index=False)

# %% [markdown]
# ## Pairs and populations
#
# Correlations of counts depend on rates: the second row of each is after every population was
# thinned to the lowest mean count of the three. The tiling coefficient is beside that of trials in
# random order, in which units share the stimulus but no trial.


# %%
def of_one_stimulus(responses: Responses) -> Responses:
    return responses.where(trials=f"stimulus == {responses.stimuli[0]!r}")


lowest = min(float(each.values.sum(axis=2).mean()) for each in populations.values())
rows = []
for name, responses in populations.items():
    reach = 5.0 if responses.time_unit == "step" else 0.005
    few = of_one_stimulus(responses)
    by_time = {
        "STTC": sttc_table(few, reach),
        "STTC, trials shuffled": sttc_table(shuffle_trials(few, seed=SEED), reach),
    }
    for label, table in by_time.items():
        known = table.loc[table["status"] == "ok", "sttc"]
        rows.append((name, label, known.mean(), len(known)))
    for label, each in (("", responses), (", thinned", thin(responses, lowest, SEED))):
        table = count_correlations(each)
        for kind in ("noise", "signal_corrected"):
            part = table[(table["kind"] == kind) & (table["status"] == "ok")]
            rows.append((name, f"{kind} correlation{label}", part["value"].mean(), len(part)))
    sizes = dimensionality(responses.sum_over_time(), n_draws=6, seed=SEED)
    for _, row in sizes.iterrows():
        rows.append((name, row["measure"], row["value"], row["n_units"]))
pairs = pd.DataFrame(rows, columns=["population", "statistic", "mean", "n"])
wide = pairs.pivot_table(index="statistic", columns="population", values="mean", sort=False)
print(wide.round(3).to_string())
pairs.to_csv(OUT / "pairs.csv", index=False)

matched = mean_matched_fano([recorded, poisson], n_samples=50, seed=SEED)
matched.insert(0, "population", ["retina", "Poisson area"])
print(matched.round(3).to_string(index=False))
matched.to_csv(OUT / "matched_fano.csv", index=False)

# %% [markdown]
# ## Side by side

# %%
SHOWN = ("cv2", "Fano factor", "treves_rolls", "panzeri_treves")
figure, axes = plt.subplots(1, len(SHOWN), figsize=(2.6 * len(SHOWN), 2.8), layout="constrained")
for ax, statistic in zip(axes, SHOWN, strict=True):
    part = units[units["statistic"] == statistic].set_index("population").loc[list(populations)]
    middle = part["median"].to_numpy()
    spread = np.abs(part[["low", "high"]].to_numpy().T - middle)
    ax.errorbar(middle, np.arange(len(part)), xerr=spread, fmt="o", color="black", capsize=3)
    ax.set(yticks=np.arange(len(part)), yticklabels=part.index if ax is axes[0] else [])
    ax.set(xlabel=statistic.replace("_", " "), ylim=(len(part) - 0.5, -0.5))
figure.savefig(OUT / "side_by_side.png", dpi=150)
plt.close(figure)
print(f"Tables and figure are in {OUT}")
figure
