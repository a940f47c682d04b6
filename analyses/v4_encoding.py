# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown]
# # Predicting V4 from oriented gradients, and from a network that learned by STDP
#
# Fifty units of macaque V4 saw 640 images (Cowley et al. 2023). Each unit's mean count is
# predicted by ridge regression for images that were held out: from gradient energy by orientation
# and place at four scales, from pixels, and from the layers of a one-spike network that learned
# from the same images without labels.

# %%
import os
import sys
from dataclasses import replace
from pathlib import Path

import numpy as np
import pandas as pd
import torch
from scipy.ndimage import gaussian_filter

from neurospyke.compare import (
    alignment,
    comparison_table,
    encode_by_layers,
    encoding,
    shuffle_labels,
)
from neurospyke.datasets import read_v4_cowley2023
from neurospyke.figures import plot_scores
from neurospyke.responses import Responses
from neurospyke.sim import kheradpisheh2018, learn_by_stdp, pixel_responses

SEED = 0
EVERY = int(sys.argv[1]) if "__file__" in globals() and len(sys.argv) > 1 else 1  # of the images
N_COMPONENTS = 200 // EVERY
HERE = Path(__file__).parent if "__file__" in globals() else Path.cwd()
OUT = Path(os.environ.get("ANALYSES_OUT", HERE / "out")) / "v4_encoding"
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## Oriented gradients
#
# At each pixel the gradient of the blurred image; its length is shared between the two nearest of
# eight orientations, averaged over squares of 14 pixels, and its root taken.


# %%
def oriented_gradients(images: np.ndarray, n_orientations: int = 8, side: int = 14) -> np.ndarray:
    """(image, feature) of (image, row, column)."""
    down, across = np.gradient(images, axis=(1, 2))
    length = np.hypot(down, across)
    place = np.mod(np.arctan2(down, across), np.pi) * n_orientations / np.pi
    shape = len(images), images.shape[1] // side, side, images.shape[2] // side, side
    maps = []
    for orientation in range(n_orientations):
        apart = np.abs(place - orientation)
        share = np.maximum(0, 1 - np.minimum(apart, n_orientations - apart))
        maps.append((length * share).reshape(shape).mean(axis=(2, 4)))
    return np.sqrt(np.stack(maps, axis=-1)).reshape(len(images), -1)


images, stimuli, v4 = read_v4_cowley2023()
images, stimuli = images[::EVERY], stimuli[::EVERY].reset_index(drop=True)
v4 = v4.where(trials=v4.trials["stimulus"].isin(stimuli["stimulus"]).to_numpy())
grey = images.numpy()[:, 0]
scales = [gaussian_filter(grey, (0, width, width)) for width in (0, 1, 2, 4)]
features = np.hstack([oriented_gradients(scale) for scale in scales])
gradients = Responses(
    features[:, :, None],
    stimuli[["stimulus"]],
    pd.DataFrame({"unit": range(features.shape[1])}),
    np.array([0.0, 1.0]),
    measure="other",
    source="oriented gradients",
)

# %% [markdown]
# ## The network, as in `v4_objects.py`

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
layers = {"pixels": pixel_responses(small, stimuli)} | {
    name: network.responses(small, stimuli, name, measure="latency")
    for name in ("encoder", "pool1", "pool2")
}

# %% [markdown]
# ## How well is each unit predicted?
#
# Wide layers are reduced to 200 components of the training images of each fold. All layers together
# predict with a penalty of their own for each, which says how much of it every layer has.

# %%
found = encoding({"oriented gradients": gradients}, v4, seed=SEED)
control = encoding({"oriented gradients, shuffled": shuffle_labels(gradients, SEED)}, v4, seed=SEED)
reduced = encoding(layers, v4, n_components=N_COMPONENTS, seed=SEED)
together = encode_by_layers(layers, v4, n_shares=5, seed=SEED)
scores = [
    score for each in (found, control, reduced, together) for score in each.comparisons.values()
]
for score in scores:
    print(score)
units = pd.concat([each.units for each in (found, control, reduced, together)], ignore_index=True)
shares = units.filter(like="share of ").mean()
print("Mean shares of all layers together:", shares.round(2).to_dict())
medians = units.groupby("model", sort=False)[["r", "r2", "explained", "ceiling"]].median()
print(medians.round(3).to_string())
plot_scores(scores).figure

# %% [markdown]
# ## The same sides aligned without a map

# %%
aligned = alignment(
    {"oriented gradients": gradients, **layers}, v4, n_splits=3, n_permutations=49, seed=SEED
)
for score in aligned.values():
    print(score)

# %%
comparison_table([*scores, *aligned.values()]).to_csv(OUT / "scores.csv", index=False)
units.to_csv(OUT / "units.csv", index=False)
