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
# # Bits and ranks of a trained network
#
# A trained network also defines a space: an architecture is a choice of bits, or of ranks, for its linear maps.
# autoprox includes a small pyramid transformer that was trained on digits. For your own network, call
# `autoprox.compress.quantised_space(model, images)` instead.

# %% tags=["parameters"]
BITS = 3  # the uniform choice whose bytes are allowed
RATIO = 0.375  # the uniform rank whose multiply-accumulates are allowed
PROXIES = ["params_bits", "snip_bits", "gradient_score", "output_kl"]

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

import autoprox
from autoprox.bench import Split, Table
from autoprox.compress import ALLOCATION_PROXIES, pareto_allocations
from autoprox.datasets import dataset
from autoprox.metrics import spearman
from autoprox.spaces.costs import COSTS

# %matplotlib inline

# %% [markdown]
# ## The cost of each choice
#
# `space.groups` are the maps with a choice: queries, keys and values count as one. An additive proxy gives a value to
# each choice of each group, from one evaluation of the trained network.

# %%
space = autoprox.space("mq-pit-digits")
data = dataset("digits")
task = Table.read("mqbench101").task("digits", space)
values = {name: ALLOCATION_PROXIES[name].table(space, task.images, task.labels) for name in PROXIES}

figure, axis = plt.subplots(figsize=(9, 3))
loss = -values["output_kl"]
for place, bits in enumerate(space.choices):
    axis.semilogy(np.maximum(loss[:, place], 1e-7), marker="o", label=f"{bits} bits")
axis.set_xticks(range(len(space.groups)), [group.name for group in space.groups], rotation=90, fontsize=7)
axis.set_ylabel("divergence of the logits")
axis.legend()
plt.show()

# %% [markdown]
# ## The best choices, exactly
#
# If value and cost add up, all non-dominated choices are found without search. Here they are at the bytes of one
# choice for all maps.


# %%
def accuracy(network):
    """Of all test images, in percent."""
    images, labels = torch.from_numpy(data.normalised(data.test_images)), torch.tensor(data.test_labels)
    with torch.no_grad():
        return 100 * float((network(images).argmax(1) == labels).float().mean())


def allocated(space, tables, uniform, cost):
    """Accuracy of the trained network, of one choice for all, and of allocations at the same cost."""
    alike = space.arch({space.gene: [uniform] * len(space.groups)})
    most = COSTS[cost].of(space, alike, space.own_task)
    archs = {"uniform": alike} | {
        name: pareto_allocations(space, table, COSTS[cost], most)[-1].arch for name, table in tables.items()
    }
    return {"trained": accuracy(space.source)} | {name: accuracy(space.build(arch)) for name, arch in archs.items()}


found = allocated(space, values, BITS, "weight_bytes")
figure, axis = plt.subplots(figsize=(7, 2.5))
axis.barh(list(found), list(found.values()))
axis.set_xlim(min(found.values()) - 2, 100)
axis.set_xlabel(f"accuracy in % at the bytes of {BITS} bits for all")
plt.show()

# %% [markdown]
# ## Reliability of a proxy
#
# `mqbench101` holds the accuracy of 200 random bit vectors of this network and of three others. The figure shows the
# vectors of fit and select. Sealed is not scored.

# %%
table = Table.read("mqbench101")
parts, block = table.splits(), table.blocks(["mq-pit-digits"], ["digits"])[0]
seen = [place for place, arch_id in enumerate(block.arch_ids) if parts[arch_id] is not Split.SEALED]
chosen = np.array([space.chosen(table.archs[block.arch_ids[place]].genes) for place in seen])
scores = np.array([each[np.arange(each.shape[0]), chosen].sum(axis=1) for each in values.values()])
figure, axes = plt.subplots(1, len(PROXIES), figsize=(11, 2.8), sharey=True)
for axis, name, row, rank in zip(axes, PROXIES, scores, spearman(scores, block.goodness[seen]), strict=True):
    axis.scatter(row, block.goodness[seen], s=8)
    axis.set_title(f"{name}: {rank:.2f}", fontsize=9)
axes[0].set_ylabel("accuracy in %")
plt.show()

# %% [markdown]
# ## Ranks
#
# The same network with factorised layers. Between 6/8 and 1 of the full rank, factors cost more than the layer.

# %%
ranks = autoprox.space("lr-pit-digits")
energies = {
    name: ALLOCATION_PROXIES[name].table(ranks, task.images, task.labels)
    for name in ("singular_energy", "output_energy", "output_kl")
}
for name, percent in allocated(ranks, energies, RATIO, "macs").items():
    print(f"{name:<16}{percent:.1f} %")
