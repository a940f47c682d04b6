# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown]
# # Macaque V4 and a network that learned by STDP
#
# Fifty units of a Utah array in macaque V4 saw 640 images of eight objects, 6 to 10 times each
# (Cowley et al. 2023; images of Bashivan et al. 2019). A one-spike network sees the same images,
# learns from them without labels, and each of its layers is compared with V4 by representational
# similarity, beside the pixels and beside a layer whose stimulus labels are shuffled.

# %%
import os
import sys
from dataclasses import replace
from functools import partial
from pathlib import Path

import pandas as pd
import torch

from neurospyke.compare import (
    comparison_table,
    correlation_rdm,
    odd_even_halves,
    rdm_reliability,
    rsa,
    shuffle_labels,
    unit_reliability,
)
from neurospyke.datasets import fetch_dataset, read_v4_cowley2023
from neurospyke.figures import plot_inference, plot_time_course
from neurospyke.report import write_report
from neurospyke.sim import kheradpisheh2018, learn_by_stdp, pixel_responses

SEED = 0
EVERY = int(sys.argv[1]) if "__file__" in globals() and len(sys.argv) > 1 else 1  # of the images
N_RESAMPLES = 500 // EVERY  # bootstrap samples, and permutations
HERE = Path(__file__).parent if "__file__" in globals() else Path.cwd()
OUT = Path(os.environ.get("ANALYSES_OUT", HERE / "out")) / "v4_objects"
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## How reliable are the data?
#
# Split halves say how much of a unit's tuning, and of the geometry of all units together, would
# come back if the experiment were done again.

# %%
images, stimuli, v4 = read_v4_cowley2023()
images, stimuli = images[::EVERY], stimuli[::EVERY].reset_index(drop=True)
v4 = v4.where(trials=v4.trials["stimulus"].isin(stimuli["stimulus"]).to_numpy())
print(v4)
units = unit_reliability(v4, seed=SEED)
print(f"Reliability of the units (split-half, Spearman-Brown): {units['reliability'].median():.3f}")

# Six repetitions are what all images have, so odd and even halves hold three each.
six = v4.where(trials="repetition < 6")
halves = rdm_reliability(six, odd_even_halves(six.trials["stimulus"].tolist()))
print(f"RDM of odd against even repetitions, Spearman: {halves.half:.3f}")

# %% [markdown]
# ## The network learns
#
# Two passes over the images in random order. Images are reduced to a third, which is 37 x 37, so
# that a unit of the last convolution sees 14 of 37 pixels of the contrasts. Rates are those of the
# paper times 16: the paper shows each layer tens of thousands of images.

# %%
small = torch.nn.functional.avg_pool2d(images, 3)
network = kheradpisheh2018(seed=SEED)
for name in ("conv1", "conv2"):
    rule = network.layers[name].rule
    network.layers[name].rule = replace(
        rule,
        rate_positive=16 * rule.rate_positive,
        rate_negative=16 * rule.rate_negative,
        schedule=None,
    )
order = torch.randperm(len(small), generator=torch.Generator().manual_seed(SEED))
network = learn_by_stdp(network, small[order].split(16), epochs=2)

# %% [markdown]
# ## Every layer against V4

# %%
# Where a layer stays silent, its pattern correlates with nothing: the distance is 1.
in_silence = partial(correlation_rdm, undefined=1.0)
models = {"pixels": pixel_responses(small, stimuli)}
for name in network.layer_names:
    models[name] = network.responses(small, stimuli, name, measure="latency")
choices = {"dissimilarity": in_silence, "n_bootstrap": N_RESAMPLES, "seed": SEED}
inference = rsa(models, v4, n_permutations=N_RESAMPLES, **choices)
pixels, *layers = inference.comparisons
best = max(layers, key=lambda layer: layer.score).model
(test,) = inference.pair_frame().query("model == 'pixels' and other == @best").to_dict("records")
above = "below" if test["difference"] > 0 else "above"
control = shuffle_labels(models[best], SEED)
shuffled = rsa(control, v4, model_name=f"{best}, shuffled", n_permutations=N_RESAMPLES, **choices)
print(inference, shuffled, sep="\n")
print(inference.pair_frame().round(3).to_string(index=False))
plot_inference(inference).figure

# %% [markdown]
# ## When does the match arise?
#
# Neurons spike once. At step t the pattern is who has spiked by then.

# %%
course = []
for name in ("pool1", "pool2"):
    spikes = network.responses(small, stimuli, name, measure="spike")
    for step in range(3, network.n_bins + 1, 3):
        fired = spikes.where(time=(0, step)).sum_over_time()
        result = rsa(
            fired,
            v4,
            dissimilarity=in_silence,
            model_name=name,
            n_bootstrap=100,
            n_permutations=100,
            seed=SEED,
        )
        course.append(replace(result, step=step))
plot_time_course(course).figure

# %%
comparison_table([*inference.comparisons, shuffled, *course]).to_csv(
    OUT / "scores.csv", index=False
)
inference.pair_frame().to_csv(OUT / "pairs.csv", index=False)
quantiles = units["reliability"].quantile([0.05, 0.5, 0.95])
reliability = pd.DataFrame(
    {
        "what": ["units, 5 %", "units, median", "units, 95 %", "RDM, odd against even"],
        "value": [*quantiles, halves.half],
    }
)
reliability.to_csv(OUT / "reliability.csv", index=False)
report = write_report(
    OUT / "report.html",
    [inference, shuffled, *course],
    title="Macaque V4 and a network that learned by STDP",
    summary=(
        "Fifty V4 units and the layers of a one-spike network (kheradpisheh2018, trained by STDP "
        "on the same 640 images without labels). Correlation distances of trial-averaged counts "
        "and of spike latencies, rank-correlated. The course over model steps takes who has "
        "spiked by each step instead of latencies.\n\n"
        f"The best layer, {best}, is {above} the pixels by {abs(test['difference']):.3f} (p = "
        f"{test['p']:.2g}, two-sided); every score is far below the ceiling."
    ),
    rdms=[in_silence(each) for each in (v4, models["pixels"], models[best])],
    tables={"Reliability": reliability},
    notes=v4.notes,
    inputs=[fetch_dataset("v4_cowley2023") / "session_210325.npz"],
    seed=SEED,
    command=" ".join(["python", *sys.argv]),
)
print(f"The report is in {report}")
