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
# # ParZC: learn the aggregator
#
# A proxy aggregates node statistics by a formula. [ParZC](https://arxiv.org/abs/2402.02105) learns the aggregation
# from labels: nodes differ in importance, and a small Bayesian network can learn it. It needs trained architectures
# of *your* space. A formula needs none. So this notebook asks how many labels make learning better, and if the
# predictions are reliable.
#
# The model learns from **fit** and is judged on **select**. **Sealed** is not scored, because choices are still open.

# %% tags=["parameters"]
SPACE = "pit-micro"
STEPS = 40  # of the optimiser, each network; 60 is the default of the estimator
NETWORKS = 3  # in the ensemble; 5 is the default
DRAWS = 1  # repetitions of each point of the learning curve; 5 or more show its scatter

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
import torch

import autoprox
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.metrics import kendall_tau_b
from autoprox.metrics.diffkendall import diffkendall_tau
from autoprox.predict.parzc import LearnedProxy, MABNRegressor, features
from autoprox.predict.parzc.aggregator_figures import (
    calibration_figure,
    coverage,
    importance_figure,
    learning_curve_figure,
    prediction_figure,
)
from autoprox.scorers import score_networks

# %matplotlib inline

# %% [markdown]
# ## The input
#
# Architectures × nodes × statistics. Networks differ in depth, so shallow architectures have gaps. Gaps are masked,
# not filled with zeros. Targets are the accuracies. *Groups* are the blocks: architectures of different data sets are
# not ranked against each other.

# %%
table = Table.read()
problem = Problem(table, tuple(table.blocks([SPACE])))
fit, select = Judge(problem, Split.FIT), Judge(problem, Split.SELECT)
train, test = features(table, blocks=fit.blocks), features(table, blocks=select.blocks)
targets, groups = train.labels
print(f"{len(train)} labels of {len(set(train.arch_ids))} architectures; nodes x statistics: {train.node_shape}")
print(*train.statistics, sep="\n")

# %%
own = groups == groups[0]
order = np.argsort(train.mask[own].sum(axis=1))
figure, axes = plt.subplots(figsize=(8, 3), layout="constrained")
axes.imshow(train.mask[own][order], aspect="auto", cmap="Blues", vmin=0, vmax=1.4, interpolation="nearest")
axes.set(
    xlabel="node, by role and then in forward order", ylabel="architecture", title="which architecture has which node"
)
firsts = [place for place, name in enumerate(train.nodes) if name.endswith(".0")]
axes.set_xticks(firsts, [train.nodes[place] for place in firsts], fontsize=8, rotation=35, ha="right")
plt.show()

# %% [markdown]
# ## The loss
#
# The aim is a ranking, but Kendall's tau has no gradient: it counts pairs. DiffKendall replaces the sign of each
# difference by a tanh of steepness alpha. With a small alpha it is smooth, and close to a covariance. With a large
# alpha it is tau, with gradients only near ties.

# %%
labels = torch.tensor(targets[own])
score = (labels - labels.mean()) / labels.std() + torch.tensor(np.random.default_rng(0).normal(size=own.sum()))
alphas = np.geomspace(0.1, 100, 40)
figure, axes = plt.subplots(figsize=(5, 3), layout="constrained")
axes.semilogx(
    alphas,
    [float(diffkendall_tau(score, labels, alpha, target_alpha=float("inf"))) for alpha in alphas],
    label="DiffKendall",
)
axes.axhline(kendall_tau_b(score.numpy()[None], labels.numpy())[0], color="grey", linestyle="--", label="Kendall's tau")
axes.set(xlabel="steepness alpha", ylabel="agreement of labels with noisy labels")
axes.legend()
plt.show()

# %% [markdown]
# ## Training
#
# A scikit-learn estimator: an ensemble of networks, each trained without one fold of the architectures. Their
# predictions for the held-out folds are an honest estimate without use of select.

# %%
settings = {"n_estimators": NETWORKS, "max_iter": STEPS}


def learned(data, seed=0):
    """An ensemble fitted to features with labels."""
    return MABNRegressor(node_shape=data.node_shape, random_state=seed, **settings).fit(data.values, *data.labels)


model = learned(train)
for block in fit.blocks:
    members = groups == block.name
    (tau,) = kendall_tau_b(model.out_of_fold_mean_[members][None], targets[members])
    print(f"{block.name}: out-of-fold tau {tau:.2f}")

# %% [markdown]
# ## Comparison with proxies on select
#
# The learned aggregator read labels of the fit architectures. The shipped proxies did so as well, and they were
# chosen on select, so their figures are too high here. The zoo and the counts read no labels. All rows use the same
# statistics, so the table compares *aggregations*.

# %%
mine = LearnedProxy.of("parzc", model, train)
rivals = [autoprox.load(name) for name in ("pit_micro", "parzc-sine", "snip", "synflow")]
scorers = [mine, *rivals]
scores = score_networks(scorers, select.networks, statistics_of(table)).values
rows = dict(zip([each.name for each in scorers], scores, strict=True)) | select.counts
verdicts = select.frame(rows)
joints = (
    verdicts[verdicts["block"] == "joint"]
    .set_index("scorer")
    .drop(columns="block")
    .sort_values("kendall", ascending=False)
)
joints.round(2)

# %%
best_count = joints.loc[list(select.counts), "kendall"].idxmax()
for rival in (best_count, "pit_micro"):
    difference, (low, high) = select.margin(rows["parzc"], rows[rival])
    print(f"parzc minus {rival}: {difference:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")

# %% [markdown]
# ## The number of labels
#
# The same model from fewer architectures, judged on all of select. The horizontal line needs no label of this space.

# %%
arch_ids = np.array(sorted(set(train.arch_ids)))
sizes = [8, 16, 32]
curve = np.empty((len(sizes), DRAWS))
for place, draw in np.ndindex(curve.shape):
    chosen = np.random.default_rng(draw).permutation(arch_ids)[: sizes[place]]
    few = train.rows(np.isin(train.arch_ids, chosen))
    predicted = learned(few, seed=draw).predict(test.values)
    curve[place, draw] = select.joint(select.taus(predicted[None]))[0]

# %%
everything = np.full((1, DRAWS), joints.loc["parzc", "kendall"])
figure = learning_curve_figure([*sizes, len(arch_ids)], {f"parzc, {DRAWS} draw(s)": np.vstack([curve, everything])})
figure.axes[0].axhline(joints.loc[best_count, "kendall"], color="grey", linestyle="--", label=best_count)
figure.axes[0].legend(frameon=False)
figure

# %% [markdown]
# ## Importance of nodes
#
# Gradient times input, summed over statistics: the share of each node in the score. It describes this model, not
# training: another seed may give other shares to redundant nodes.

# %%
importance_figure(model.node_importance(), train.nodes)

# %%
by_statistic = model.node_importance(by_statistic=True).sum(axis=0)
figure, axes = plt.subplots(figsize=(6, 2.6), layout="constrained")
axes.barh(train.statistics, by_statistic, color="#1f5fa8")
axes.invert_yaxis()
axes.set_xlabel("share of importance")
plt.show()

# %% [markdown]
# ## Calibration
#
# Each prediction has a standard deviation. This figure shows the share of labels on select inside each interval.
# Below the diagonal the intervals are too narrow.

# %%
mean, std = model.predict(test.values, return_std=True, groups=test.groups)
print(f"share of labels inside the 90 % interval: {coverage(test.targets, mean, std):.2f}")
prediction_figure(test.targets, mean, std, [name.removesuffix("/scratch/top1_pct") for name in test.groups])

# %%
scale = pd.Series(test.targets).groupby(test.groups).transform("std").to_numpy()
calibration_figure(test.targets / scale, mean / scale, std / scale)

# %% [markdown]
# ## Use it
#
# A learned proxy scores live networks and is one file. `autoprox.load`, `autoprox.search.run` and `python -m
# autoprox.evaluate --proxy` read it. It knows only the nodes that it was fitted on, so it refuses deeper networks.

# %%
space, task = autoprox.space(SPACE), table.task("digits", SPACE)
network = space.build(table.archs[test.arch_ids[0]], task.num_classes, task.img_size, task.in_chans, seed=0)
mine.score(network, task.images, task.labels)
