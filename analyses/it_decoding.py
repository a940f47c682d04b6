# ---
# jupyter:
#   jupytext:
#     formats: py:percent
# ---

# %% [markdown]
# # What IT says about an object, when, and for how long
#
# One hundred and thirty-two units of macaque IT, recorded one after another, while seven objects
# were shown at three positions (Zhang et al. 2011). Which object it was is decoded over time, from
# each time at every other, and at a position the decoder never saw.

# %%
import os
import sys
from pathlib import Path

import numpy as np
import pandas as pd

from neurospyke.compare import TrialSplits, decode, decode_across_conditions, decoding_curve
from neurospyke.datasets import read_it_zhang2011
from neurospyke.figures import plot_generalization

SEED = 0
N_REPEATS = int(sys.argv[1]) if "__file__" in globals() and len(sys.argv) > 1 else 5
N_PERMUTATIONS = 20 * N_REPEATS - 1
HERE = Path(__file__).parent if "__file__" in globals() else Path.cwd()
OUT = Path(os.environ.get("ANALYSES_OUT", HERE / "out")) / "it_decoding"
OUT.mkdir(parents=True, exist_ok=True)

# %% [markdown]
# ## The published protocol
#
# Windows of 150 ms every 50 ms; sites z-scored, the mean pattern that correlates best decides; 20
# splits, each with one trial of every object. Published for 100 to 250 ms: 0.837 to 0.861.

# %%
sites = read_it_zhang2011()
published = TrialSplits(20, n_repeats=N_REPEATS, n_trials=20)
parts = []
for start in (-0.5, -0.45, -0.4):
    windows = {
        name: site.align("presentations", (start, start + 0.9), 0.15)
        for name, site in sites.items()
    }
    parts.append(decode(windows, "object", splits=published, seed=SEED).to_frame())
course = pd.concat(parts).sort_values("time_start", ignore_index=True)
print(course[["time_start", "time_stop", "accuracy"]].round(3).to_string(index=False))
at_100 = course.loc[np.isclose(course["time_start"], 0.1), "accuracy"].item()
print(f"100 to 250 ms: {at_100:.3f}")

# %% [markdown]
# ## All trials, from each time at every other
#
# Does the code for an object stay the same? A decoder trained at one time is tested at all others;
# the outline holds what stands out against exchanged labels, corrected for all cells.

# %%
bins = {name: site.align("presentations", (-0.1, 0.5), 0.05) for name, site in sites.items()}
across = decode(
    bins,
    "object",
    splits=TrialSplits(5),
    across_time=True,
    n_permutations=N_PERMUTATIONS,
    seed=SEED,
)
late = across.edges[:-1] >= 0.1 - 1e-9
diagonal = np.diagonal(across.accuracy)[late].mean()
beside = across.accuracy[np.ix_(late, late)][~np.eye(late.sum(), dtype=bool)].mean()
print(f"From 100 ms on: {diagonal:.2f} at the time of training, {beside:.2f} at other times")

# %% [markdown]
# ## Another position, and fewer units

# %%
response = {name: each.where(time=(0.1, 0.3)).sum_over_time() for name, each in bins.items()}
moved = decode_across_conditions(
    response, "object", "position", n_repeats=N_REPEATS, n_permutations=N_PERMUTATIONS, seed=SEED
)
within = decode(response, "object", splits=TrialSplits(5, n_repeats=N_REPEATS), seed=SEED)
positions = pd.DataFrame({"position held out": moved.held_out, "accuracy": moved.scores[:, 0]})
positions = positions.groupby("position held out", as_index=False).mean()
p = moved.p_values()["p"].item()
print(f"Positions mixed: {within.accuracy[0]:.3f}; never seen: {moved.accuracy[0]:.3f}, p {p:.2g}")
curve = decoding_curve(
    response, [4, 8, 16, 32, 64, 128], "object", n_draws=2 * N_REPEATS, seed=SEED
)
curve = curve.groupby("n_units", as_index=False)["accuracy"].agg(["mean", "std"])
print(curve.round(3).to_string(index=False))

# %%
course.to_csv(OUT / "course.csv", index=False)
across.to_frame().to_csv(OUT / "across_time.csv", index=False)
positions.to_csv(OUT / "positions.csv", index=False)
curve.to_csv(OUT / "units.csv", index=False)
generalization = plot_generalization(across)
generalization.figure.savefig(OUT / "temporal_generalization.png", dpi=150)
generalization.figure
