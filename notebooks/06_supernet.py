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
# # A supernet and a prior
#
# All architectures of a space share the parameters of one trained network, a supernet. It gives the accuracy of each
# architecture with inherited parameters. Does this rank architectures like separate trainings? Does a count of
# multiply-accumulates, a prior without cost, rank as well? Do both together rank better?
#
# The budget below is far too small for an answer. It only shows the steps.

# %% tags=["parameters"]
PASSES = 240  # passes of subnets; 20_000 and more until uniform sampling has converged
TESTED = 24  # architectures that are compared with their labels
PAIRED = 10  # subnets whose gradients are compared
SEED = 0

# %%
import matplotlib.pyplot as plt
import numpy as np
import torch

import autoprox
from autoprox.bench.table import Table
from autoprox.datasets import dataset
from autoprox.metrics import kendall_tau_b, mean_ranks
from autoprox.supernet import Subnets, SupernetPlan, SupernetTrainer, accuracy, gradient_conflict

# %matplotlib inline

# %% [markdown]
# ## Subnets
#
# A subnet is the network of one architecture, with parts of the shared parameters. An extracted network is an
# ordinary module that computes the same function.

# %%
space, digits = autoprox.space("autoformer-micro"), dataset("digits")
trainer = SupernetTrainer(space, digits, SupernetPlan(PASSES, "sandwich", "inplace", SEED))
subnets = Subnets(space, trainer.supernet.task)
images = torch.from_numpy(digits.normalised(digits.test_images[:300]))
labels = torch.tensor(digits.test_labels[:300])
arch = space.sample(np.random.default_rng(SEED))
with torch.no_grad():
    own, extracted = trainer.supernet.eval().select(arch)(images), trainer.supernet.extract(arch)(images)
print(f"{arch.json}: {subnets.macs(arch):,} multiply-accumulates")
print(f"the extracted network computes the same: {torch.allclose(own, extracted, atol=1e-5)}")

# %% [markdown]
# ## Training
#
# Each step of the sandwich rule trains the largest subnet on the labels, and the smallest and two random ones on its
# predictions: four passes. The curves show the largest and the smallest subnet on test images.

# %%
course = []
trainer.supernet.train()
for done in trainer.steps():
    if done % 40 == 0:
        ends = [trainer.supernet.extract(each) for each in (subnets.largest, subnets.smallest)]
        course.append((done, *(accuracy(each, images, labels) for each in ends)))
passes, largest, smallest = zip(*course, strict=True)
plt.plot(passes, largest, label="largest")
plt.plot(passes, smallest, label="smallest")
plt.xlabel("passes of subnets")
plt.ylabel("accuracy with inherited parameters, %")
plt.legend()
plt.show()

# %% [markdown]
# ## Inherited accuracy and labels
#
# The labels are accuracies of networks that were trained separately. Only architectures of the split *fit* are used.

# %%
table = Table.read()
block = table.blocks(["autoformer-micro"], ["digits"])[0]
fit = [arch_id for arch_id, split in table.splits().items() if split == "fit"]
block = block.restricted(fit)
archs = [table.archs[arch_id] for arch_id in block.arch_ids][:TESTED]
truth = block.goodness[:TESTED]
inherited = np.array([accuracy(trainer.supernet.extract(each), images, labels) for each in archs])
prior = np.array([subnets.macs(each) for each in archs], dtype=float)
joint = mean_ranks([inherited, prior])
names = ["supernet", "prior alone", "both"]
taus = kendall_tau_b(np.array([inherited, prior, joint]), truth)
plt.scatter(inherited, truth)
plt.xlabel("inherited accuracy, %")
plt.ylabel("accuracy when trained alone, %")
plt.title("  ".join(f"tau of {name} {tau:.2f}" for name, tau in zip(names, taus, strict=True)))
plt.show()

# %% [markdown]
# ## Conflicts between gradients
#
# ElasticViT starts from this diagnosis: the more the costs of two subnets differ, the less their gradients on shared
# parameters agree.

# %%
drawn = [space.sample(np.random.default_rng(number)) for number in range(PAIRED)]
groups = gradient_conflict(trainer.supernet, images[:100], labels[:100], drawn, bins=4)
plt.errorbar([each.gap for each in groups], [each.cosine for each in groups], [each.error for each in groups], fmt="o-")
plt.xlabel("difference in cost, doublings")
plt.ylabel("cosine of gradients")
plt.show()

# %% [markdown]
# ## Limits
#
# This is one seed, one small budget and few architectures: another seed gives other taus. After so few passes the
# smallest subnet has hardly learned anything. `benchmarks/quality/supernet.py` compares with equal passes, several
# seeds, intervals, a prior of random numbers and an inverted prior.
