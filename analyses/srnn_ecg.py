# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown]
# # Heart beats and an adaptive spiking recurrent network
#
# The network of Yin, Corradi and Bohte (2021) for electrocardiograms learns here from scratch, by
# backpropagation through time, to say at each step in which wave of the beat it is. Then its
# answers are tested, its operations counted, its spikes drawn, and the geometry of each layer is
# compared, step by step after the onset of a wave, with the structure of the labels.
#
# As a script it takes the number of epochs: `python analyses/srnn_ecg.py 10` is short.
# Interrupted, it goes on from its last checkpoint.

# %%
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from matplotlib.figure import Figure

from neurospyke.compare import RDM, comparison_table, rsa, rsa_map, shuffle_labels
from neurospyke.datasets import fetch_dataset, read_ecg_laguna1997
from neurospyke.datasets.laguna1997 import WAVES
from neurospyke.figures import plot_energy, plot_map
from neurospyke.report import write_report
from neurospyke.responses import Responses
from neurospyke.sim import (
    count_operations,
    energy_table,
    learn_through_time,
    shuffled,
    yin2021,
)

SEED = 0
N_EPOCHS = int(sys.argv[1]) if "__file__" in globals() and len(sys.argv) > 1 else 260
N_VALIDATION = 100  # courses of the training set that choose the epoch
HERE = Path(__file__).parent if "__file__" in globals() else Path.cwd()
OUT = Path(os.environ.get("ANALYSES_OUT", HERE / "out")) / "srnn_ecg"
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## The network learns
#
# The epoch with the best accuracy on validation courses is kept; the test set is not looked at
# before the end. With the default number of epochs this takes a quarter of an hour on one core.

# %%
spikes, waves = (torch.from_numpy(each) for each in read_ecg_laguna1997("train"))
order = torch.randperm(spikes.shape[1], generator=torch.Generator().manual_seed(SEED))
held, kept = order[:N_VALIDATION], order[N_VALIDATION:]
curve = []


def follow(step):
    if step.accuracy is not None:
        curve.append({"epoch": step.epoch, "loss": step.loss, "validation": step.accuracy})


untrained = yin2021("ecg", seed=SEED)
network = learn_through_time(
    untrained,
    shuffled(spikes[:, kept], waves[:, kept], batch_size=32, seed=SEED),
    validation=(spikes[:, held], waves[:, held]),
    epochs=N_EPOCHS,
    rate=0.01,
    schedule=lambda epoch: 0.5 ** (epoch // 60),
    random_start=False,
    seed=SEED,
    observe=follow,
    checkpoint=OUT / f"learning_{N_EPOCHS}.safetensors",
    save_every=100,
)

# %%
spikes, waves = (torch.from_numpy(each) for each in read_ecg_laguna1997("test"))
answers = network.decide(spikes)
truth = waves[network.skip :]
accuracy = (answers == truth).double().mean().item()
share = torch.stack([torch.bincount(truth[answers == k], minlength=6) for k in range(6)], 1)
confusion = pd.DataFrame(
    (share / share.sum(1, keepdim=True)).numpy().round(3),
    index=pd.Index(WAVES, name="wave"),
    columns=[f"answer {wave}" for wave in WAVES],
)
print(f"Test accuracy after {N_EPOCHS} epochs: {accuracy:.4f} (published: 0.859)")

# %% [markdown]
# ## What an inference costs
#
# Counts and constants stand apart, so that every factor can be computed anew.

# %%
operations = count_operations(network, spikes)
energy = energy_table(operations)
print(operations.round(3).to_string(index=False))
print(energy.round(3).to_string(index=False))
plot_energy(energy).figure

# %% [markdown]
# ## Spikes of one course


# %%
def draw_rasters(course):
    """Input, both layers, and the waves as they are and as answered, of one course."""
    layers = {"input": spikes[:, course].abs().numpy()}
    for name in network.layer_names:
        one = network.responses(spikes[:, course : course + 1], [0], name)
        layers[name] = one.values[0].T
    figure = Figure(figsize=(9, 6), layout="constrained")
    axes = figure.subplots(4, 1, sharex=True, height_ratios=[1, 5, 1.4, 1.6])
    for ax, (name, raster) in zip(axes, layers.items(), strict=False):
        steps, units = np.nonzero(raster)
        ax.plot(steps, units, "|", color="black", markersize=3)
        ax.set(ylabel=name, ylim=(-0.7, raster.shape[1] - 0.3))
    axes[3].step(np.arange(len(waves)), waves[:, course], color="0.6", linewidth=3, label="wave")
    axes[3].step(
        np.arange(network.skip, len(waves)), answers[:, course], color="black", label="answer"
    )
    axes[3].set(xlabel="step", yticks=range(6), yticklabels=WAVES)
    axes[0].set_yticks(range(4))
    axes[3].legend(loc="upper left", bbox_to_anchor=(1, 1), frameon=False)
    return figure


rasters = draw_rasters(course=0)
rasters.savefig(OUT / "rasters.png", dpi=150)
rasters

# %% [markdown]
# ## The geometry of a layer over time, and that of the labels
#
# A condition is a wave in one course, a trial one beat, seen from 15 steps before the wave's onset
# to 45 after. Three structures of the labels: the same wave or not; how far apart two waves are in
# the cycle of the beat; the same course, that is, the same heart, or not.

# %%
BEFORE, AFTER, WIDTH = 15, 45, 5
N_BEATS, N_COURSES = 3, 20


def onsets(course):
    """Step and class of each wave that is seen from before its start to long after."""
    found = np.flatnonzero(np.diff(course)) + 1
    found = found[(found >= BEFORE + network.skip) & (found + AFTER <= len(course))]
    return [(step, course[step]) for step in found if course[step] == (course[step - 1] + 1) % 6]


rows = []
for course in range(waves.shape[1]):
    starts = onsets(waves[:, course].numpy())
    beats = {wave: [step for step, each in starts if each == wave] for wave in range(6)}
    if len(rows) < N_COURSES * 6 * N_BEATS and min(map(len, beats.values())) >= N_BEATS:
        rows += [
            {"stimulus": f"{WAVES[wave]} of course {course}", "course": course, "wave": wave}
            | {"repetition": n, "step": steps[n]}
            for wave, steps in beats.items()
            for n in range(N_BEATS)
        ]
trials = pd.DataFrame(rows)


def around_onsets(responses):
    """Spikes (beat, unit, bin) around the onset of each wave."""
    cut = [
        responses.values[course, :, step - BEFORE : step + AFTER]
        for course, step in zip(trials["course"], trials["step"], strict=True)
    ]
    counts = np.stack(cut).astype(np.float64)
    counts = counts.reshape(*counts.shape[:2], -1, WIDTH).sum(3)
    edges = np.arange(-BEFORE, AFTER + 1, WIDTH, dtype=np.float64)
    return Responses(
        counts, trials, responses.units, edges, time_unit="step", source=responses.source
    )


labels = range(spikes.shape[1])
layers = {
    name: around_onsets(network.responses(spikes, labels, name)) for name in network.layer_names
}
before = around_onsets(untrained.responses(spikes, labels, "hidden"))
layers["hidden, untrained"] = replace(before, source="untrained")
units = pd.DataFrame({"unit": range(4), "layer": "input"})
whole = np.abs(spikes.permute(1, 2, 0).numpy())
whole = Responses(whole, pd.DataFrame({"stimulus": map(str, labels)}), units, np.arange(1302.0))
layers["input"] = around_onsets(replace(whole, time_unit="step", source="input"))

# %%
conditions = trials.drop_duplicates("stimulus")
wave, course = conditions["wave"].to_numpy(), conditions["course"].to_numpy()
apart = np.abs(wave[:, None] - wave)
structures = {
    "same wave": (apart > 0).astype(float),
    "distance in the beat": np.minimum(apart, 6 - apart).astype(float),
    "same course": (course[:, None] != course).astype(float),
}
pairs = np.triu_indices(len(conditions), 1)
models = {
    name: RDM(matrix[pairs], tuple(conditions["stimulus"]), dissimilarity="labels", source=name)
    for name, matrix in structures.items()
}
over_time = rsa_map(models, layers, dissimilarity="euclidean", n_permutations=200, seed=SEED)
over_time.to_csv(OUT / "over_time.csv", index=False)
print(over_time.loc[over_time.groupby(["layer", "area"])["score"].idxmax()].to_string(index=False))
plot_map(over_time)[0].figure

# %% [markdown]
# The bin from 10 to 15 steps after the onset, with intervals and a control of shuffled labels.

# %%
scores = []
for name, responses in layers.items():
    late = responses.where(time=(10, 15))
    for structure, rdm in models.items():
        given = {"dissimilarity": "euclidean", "brain_name": name, "model_name": structure}
        sampled = {"n_bootstrap": 200, "n_permutations": 200, "seed": SEED}
        scores.append(rsa(rdm, late, **given, **sampled))
    control = shuffle_labels(late, SEED)
    given = {"dissimilarity": "euclidean", "brain_name": name, "model_name": "same wave, shuffled"}
    scores.append(rsa(models["same wave"], control, **given, **sampled))
for score in scores:
    print(score)

# %%
comparison_table(scores).to_csv(OUT / "scores.csv", index=False)
pd.DataFrame(curve).to_csv(OUT / "curve.csv", index=False)
energy.to_csv(OUT / "energy.csv", index=False)
report = write_report(
    OUT / "report.html",
    scores,
    title="Heart beats and an adaptive spiking recurrent network",
    summary=(
        f"The network learned for {N_EPOCHS} epochs, the best of which was chosen on "
        f"{N_VALIDATION} courses of the training set. It names the wave right in "
        f"{100 * accuracy:.1f} % of the steps of the test set (published: 85.9 %), where steps "
        "without a label count as the wave P, as published.\n\n"
        "Representational dissimilarities are Euclidean distances of spike counts in bins of "
        f"{WIDTH} steps around the onset of a wave; structures of the labels are correlated with "
        "them by rank."
    ),
    figures={
        "Spikes of one course": rasters,
        "Label structure over time": plot_map(over_time)[0].figure,
        "Energy of an inference": plot_energy(energy),
    },
    tables={"Answers": confusion.reset_index(), "Operations": operations, "Energy": energy},
    inputs=[
        fetch_dataset("srnn_yin2021") / f"data_QTDB_{split}.mat" for split in ("train", "test")
    ],
    seed=SEED,
    command=" ".join(["python", *sys.argv]),
)
print(f"The report is in {report}")
