# ---
# jupyter:
#   jupytext:
#     cell_metadata_filter: tags
#     formats: ipynb,py:percent
#     notebook_metadata_filter: kernelspec,jupytext,-jupytext.text_representation
#   kernelspec:
#     display_name: Python 3
#     language: python
#     name: python3
# ---

# %% [markdown]
# # Score your own ViT, and search
#
# Your network was not built by autoprox, and its space is not in the benchmark table. You can still score any
# `nn.Module`, and search a space with any scorer, including your own function. The evidence does *not* transfer: a
# proxy that ranks small networks on small images may fail on yours. The last section shows a test.
#
# Nothing is downloaded: the Hugging Face network is built from a configuration. No split of the table is scored here.

# %% tags=["parameters"]
BUDGET = 30  # candidates of each search; 1_000 is the default of autoprox.search.run
MAX_PARAMS = 30_000
RANDOMS, TRAIN_SEEDS = 2, 1  # random architectures to compare with, and trainings of each; use 5 and 3 for intervals
SEED = 0

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch
from transformers import ViTConfig, ViTForImageClassification

import autoprox
from autoprox.bench.table import Table
from autoprox.inspect import describe
from autoprox.metrics import kendall_tau_b
from autoprox.scorers import score_together
from autoprox.search import Constraints, Region
from autoprox.search.search_figure import draw
from autoprox.search.verification import verify

# %matplotlib inline

# %% [markdown]
# ## Your own network
#
# Any classifier that takes images and returns logits, or an object with `.logits`. Use a batch of real images of your
# task, with labels. Here it consists of 32 colour patches of the benchmark table.

# %%
task = Table.read().task("patches", "pit-micro")
print(f"{task.images.shape}, {task.num_classes} classes")


def vit(depth, width, seed=SEED):
    """An untrained Hugging Face ViT for the task."""
    torch.manual_seed(seed)
    sizes = {
        "image_size": task.img_size,
        "num_channels": task.in_chans,
        "num_labels": task.num_classes,
        "patch_size": 4,
    }
    return ViTForImageClassification(
        ViTConfig(
            hidden_size=width,
            intermediate_size=4 * width,
            num_hidden_layers=depth,
            num_attention_heads=width // 16,
            **sizes,
        )
    )


model = vit(depth=2, width=48)

# %% [markdown]
# autoprox detects sites and roles from one forward pass. If a role is wrong, set it with
# `autoprox.inspect.nodes.declare`.

# %%
print(describe(model, task.images))

# %% [markdown]
# ## Scores
#
# A higher score is always better: the sign is included. Scores of different proxies have different scales. Only the
# *order* that one proxy gives to several networks is meaningful. The model is unchanged, bit by bit.

# %%
names = ["joint_micro", "autoprox-release", "snip", "synflow", "zen", "nwot", "az_trainability", "params", "mean_width"]
scorers = [autoprox.load(name) for name in names]
pd.Series(score_together(scorers, model, task.images, task.labels), name="score").to_frame()

# %% [markdown]
# ## Several candidates
#
# A small grid of depths and widths. If proxies disagree, only training can decide. A proxy with the same order as
# `params` is an expensive count.

# %%
grid = [(depth, width) for depth in (1, 2, 4) for width in (16, 32, 48)]
rows = [score_together(scorers, vit(depth, width), task.images, task.labels) for depth, width in grid]
scores = pd.DataFrame(rows, index=pd.MultiIndex.from_tuples(grid, names=["depth", "width"]))
scores.rank(ascending=False).astype(int).rename_axis(columns="rank by")

# %%
values = scores.to_numpy().T
taus = pd.DataFrame({name: kendall_tau_b(values, values[place]) for place, name in enumerate(names)}, index=names)
figure, axes = plt.subplots(figsize=(6, 5), layout="constrained")
image = axes.imshow(taus, cmap="RdBu", vmin=-1, vmax=1)
for (row, column), tau in np.ndenumerate(taus.to_numpy()):
    axes.text(
        column, row, f"{tau:.2f}", ha="center", va="center", fontsize=8, color="white" if abs(tau) > 0.6 else "black"
    )
axes.set_xticks(range(len(names)), names, rotation=35, ha="right")
axes.set_yticks(range(len(names)), names)
axes.set_title(f"agreement of proxies on the {len(grid)} candidates", fontsize=10)
figure.colorbar(image, ax=axes, label="Kendall's tau", shrink=0.7)
plt.show()

# %% [markdown]
# A ranking also depends on the initial weights. Here are the same candidates with another seed. If the tau is far
# from 1, use the mean of several initialisations.

# %%
again = [score_together(scorers, vit(depth, width, SEED + 1), task.images, task.labels) for depth, width in grid]
other = pd.DataFrame(again).to_numpy().T
pd.Series(
    [kendall_tau_b(one[None], two)[0] for one, two in zip(values, other, strict=True)],
    index=names,
    name="tau between seeds",
).round(2)

# %% [markdown]
# ## Search
#
# `autoprox.search.run` proposes candidates of a space, within bounds. Notebook 05 shows how to define your own space.

# %%
digits = Table.read().task("digits", "pit-micro")
bounds = Constraints(max_params=MAX_PARAMS)
found = autoprox.search.run(
    autoprox.load("pit_micro"), "pit-micro", bounds, np.random.default_rng(SEED), task=digits, budget=BUDGET
)
found.frame().drop(columns="arch_id").head()

# %%
draw(found, found.top(3))

# %% [markdown]
# A scorer is a function of network, images and labels. This one is a naive idea: how differently does the network
# answer different images?

# %%
same = {"constraints": bounds, "task": digits, "budget": BUDGET}


def spread(model, images, labels):
    """Mean distance of the answers of a network from their mean."""
    with torch.no_grad():
        answers = model(images)
    return (answers - answers.mean(dim=0)).norm(dim=1).mean()


own = autoprox.search.run(spread, "pit-micro", rng=np.random.default_rng(SEED), **same)
draw(own, own.top(3))

# %% [markdown]
# ## Verification
#
# A score is useful if its pick is better than two choices without a score: a random architecture under the same
# bounds, and the largest one. So train them. One training each gives no interval, so the result is an anecdote. Raise
# `RANDOMS` and `TRAIN_SEEDS` for reliable figures. On the command line this is `python -m autoprox.search ...
# --verify digits`.

# %%
region = Region(autoprox.space("pit-micro"), digits, bounds)
journal = Path(tempfile.mkdtemp()) / "verification.sqlite"
checked = verify(
    found, region, "digits", np.random.default_rng(SEED), seeds=TRAIN_SEEDS, randoms=RANDOMS, journal=journal
)
print(*(f"the pick {each.verdict}" for each in checked.differences), sep="\n")
trained = [(each.role, each.params, each.mean, *each.interval) for each in checked.rows]
pd.DataFrame(trained, columns=["architecture", "params", "accuracy, %", "low", "high"]).round(1)

# %% [markdown]
# For your own space you need your own labels. Train about thirty architectures twice, and write them into a table
# (docs/howto/table.md). Then `python -m autoprox.evaluate` compares proxies with counts on it, and `python -m
# autoprox.evolve --bench your.parquet` discovers a proxy for it, as in notebook 01.

# %%
best = found.pick.arch
model = autoprox.space(found.space).build(best, digits.num_classes, digits.img_size, digits.in_chans, seed=SEED)
print(best.json, f"{sum(each.numel() for each in model.parameters()):,} parameters")
