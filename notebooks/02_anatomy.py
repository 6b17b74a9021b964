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
# # Anatomy of a proxy
#
# A proxy that agrees with accuracy may measure trainability, or may count parameters indirectly. This notebook takes
# one apart: the statistics that it reads, the parts that rank, the share of size, and its place among all published
# proxies of the zoo.
#
# All figures are on **fit** and **select**. The proxy was evolved on fit and chosen on select, so its own figures are
# too high here. The zoo and the counts were not chosen on this table. **Sealed** is not scored. The proxy stores the
# figures of its only scoring on sealed.

# %% tags=["parameters"]
PROXY = "joint_micro"  # a shipped proxy, one of the zoo that is a graph, or the path of a best.json
# Architectures a block for proxies that have to be run. 96, all there are, takes about ten minutes on one core, once.
ARCHS = 6

# %%
import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import SVG

import autoprox
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.evolve.rivals import affordable_zoo
from autoprox.graph import Level, Proxy, formula, leaves_of
from autoprox.graph.export import to_svg
from autoprox.scorers import ZOO, score_networks

# %matplotlib inline

# %%
table = Table.read()
problem, cache = Problem(table, tuple(table.blocks())), statistics_of(table)
judge = Judge(problem, Split.FIT, Split.SELECT)
proxy = autoprox.load(PROXY)
print(proxy.formula)
print("needs:", proxy.needs)
if proxy.results:
    sealed = proxy.results["splits"]["sealed"]["proxy"]
    print(f"stored: sealed tau {sealed['joint']:.2f}, 95 % {np.round(sealed['ci95'], 2)}")

# %%
SVG(to_svg(proxy))

# %% [markdown]
# ## The nodes of one network
#
# The leaves of the formula are numbers of *nodes*: one for each linear layer, attention, activation or normalisation,
# in forward order. Here are those of one deep network. A sum over nodes grows with depth, whatever the statistic is.
# A mean or a selection (first, last, the ends) does not.

# %%
task = table.task("digits", "autoformer-micro")
space = autoprox.space("autoformer-micro")
archs = [arch for arch in table.archs.values() if arch.space == space.name]
deep = max(archs, key=lambda arch: space.features(arch)["depth"])
model = space.build(deep, task.num_classes, task.img_size, task.in_chans, seed=0)
leaves = leaves_of(model, task.images, task.labels, proxy.graph.node_leaves)

# %%
colours = {"embed": "#7a7a7a", "attention": "#1f5fa8", "mlp": "#c2570c", "head": "#2b7a3d"}
shown = proxy.graph.node_leaves
figure, axes = plt.subplots(
    -(-len(shown) // 2), 2, figsize=(9, 1.9 * -(-len(shown) // 2)), layout="constrained", squeeze=False
)
for axis in axes.flat[len(shown) :]:
    axis.set_axis_off()
for axis, leaf in zip(axes.flat, shown, strict=False):
    values, roles = leaves.values[leaf.digest], [str(role) for role in leaves.roles[leaf.kind.site]]
    axis.bar(range(len(values)), values, color=[colours.get(role, "#7b4ba0") for role in roles])
    axis.set_title(formula(leaf), fontsize=8.5, loc="left")
    axis.set_xlabel(f"{leaf.kind.site} node, in forward order", fontsize=8)
figure.legend(
    handles=[plt.Rectangle((0, 0), 1, 1, color=each) for each in colours.values()],
    labels=list(colours),
    ncols=4,
    loc="outside lower center",
)
plt.show()

# %% [markdown]
# ## The parts that rank
#
# Every sub-expression with one number per network is also a proxy. Its joint tau with accuracy shows if the whole
# needs the rest. Its tau with the whole shows which part determines the ranking. Its tau with parameters shows which
# part is size.

# %%
parts = [each for each in proxy.graph.walk() if each.kind.level is Level.SCALAR]
rows = score_networks([Proxy(str(each), each) for each in parts], judge.networks, cache).values
whole, params = proxy.sign * rows[-1], judge.counts["params"]
anatomy = pd.DataFrame(
    {
        "part": [formula(each) for each in parts],
        "with accuracy": judge.joint(judge.taus(rows)),
        "with the whole": judge.agreement(rows, np.broadcast_to(whole, rows.shape)),
        "with parameters": judge.agreement(rows, np.broadcast_to(params, rows.shape)),
    }
)
anatomy.style.format(precision=2).background_gradient("RdBu", vmin=-1, vmax=1, subset=anatomy.columns[1:].tolist())

# %% [markdown]
# ## The share of size
#
# Left: score against number of parameters. The closer the points are to a curve, the more the score *is* size. Right:
# the architectures of one size, score against accuracy. A count of parameters cannot produce any order here.

# %%
block = judge.blocks[0]
index = [
    place
    for place, each in enumerate(judge.networks)
    if (each.arch.space, each.task.dataset) == (block.space, block.dataset)
]
seen = pd.DataFrame({"params": params[index], "score": whole[index], "accuracy": block.values, "stratum": block.strata})
iso = seen[seen["stratum"] == "iso"]
figure, (left, right) = plt.subplots(1, 2, figsize=(9, 3.6), layout="constrained")
dots = left.scatter(seen["params"], seen["score"], c=seen["accuracy"], s=20, cmap="viridis")
left.set(xscale="log", xlabel="parameters", ylabel="score", title=f"{block.space}, {block.dataset}: all {len(seen)}")
figure.colorbar(dots, ax=left, label="accuracy, %")
right.scatter(iso["score"], iso["accuracy"], s=20, color="#c2570c")
right.set(xlabel="score", ylabel="accuracy, %", title=f"the {len(iso)} of one size")
plt.show()

# %% [markdown]
# The same in numbers, for each block: tau among all architectures, among those of one size, and given the number of
# parameters (partial). The noise ceiling at one size is lower, because these architectures differ less. So compare
# within a column, not across columns.

# %%
scores = {"proxy": whole} | {name: judge.counts[name] for name in ("params", "mean_width", "depth")}
verdicts = judge.frame(scores)
figure, axes = plt.subplots(1, 3, figsize=(11, 3.4), sharey=True, layout="constrained")
for axis, column in zip(axes, ("kendall", "iso", "given_params"), strict=True):
    wide = verdicts.pivot(index="block", columns="scorer", values=column).loc[
        [each.name for each in judge.blocks] + ["joint"]
    ]
    for name, marker in zip(scores, "Dos^", strict=True):
        axis.plot(
            wide[name],
            range(len(wide)),
            marker,
            label=name,
            markersize=6,
            color="#1f5fa8" if name == "proxy" else "#7a7a7a",
        )
    axis.axvline(0, color="black", linewidth=0.8)
    axis.set(
        title={"kendall": "all", "iso": "one size", "given_params": "given parameters"}[column],
        xlim=(-1, 1),
        xlabel="Kendall's tau",
    )
axes[0].set_yticks(range(len(wide)), [name.removesuffix("/scratch/top1_pct") for name in wide.index])
axes[0].invert_yaxis()
figure.legend(*axes[0].get_legend_handles_labels(), loc="outside lower center", ncols=4)
plt.show()

# %% [markdown]
# ## Among all proxies of the zoo
#
# The table includes the statistics of graph proxies. All others run on live networks, so they score `ARCHS`
# architectures per block; raise it for more. The number below is the tau that chance alone reaches in one block of
# this size. The right panel shows a pattern, not single figures.

# %%
at_hand = {**affordable_zoo(), PROXY: proxy}
rest = {name: each for name, each in ZOO.items() if name not in {*at_hand, *judge.counts}}
rng = np.random.default_rng(0)
drawn = set()
for name in table.spaces:
    ids = sorted({arch_id for each in judge.blocks if each.space == name for arch_id in each.arch_ids})
    drawn |= set(rng.permutation(ids)[:ARCHS])
few = Judge(Problem(table, tuple(each.restricted(drawn) for each in problem.blocks)), Split.FIT, Split.SELECT)
chance = np.sqrt(2 * (2 * ARCHS + 5) / (9 * ARCHS * (ARCHS - 1)))
print(f"standard deviation of tau by chance with {ARCHS} architectures: {chance:.2f}")

# %%
on_all = (
    dict(zip(at_hand, score_networks(list(at_hand.values()), judge.networks, cache).values, strict=True)) | judge.counts
)
on_few = dict(zip(rest, score_networks(list(rest.values()), few.networks, cache).values, strict=True))
zoo, zoo_few = judge.frame(on_all, resamples=200), few.frame(on_few, resamples=200)

# %%
figure, axes = plt.subplots(1, 2, figsize=(11, 7.5), layout="constrained")
for axis, frame, title in (
    (axes[0], zoo, f"available: {len(judge.blocks[0])} architectures a block"),
    (axes[1], zoo_few, f"run: {ARCHS} a block, chance ±{chance:.2f}"),
):
    wide = frame.pivot(index="scorer", columns="block", values="kendall").sort_values("joint", ascending=False)
    wide = wide[["joint", *(each.name for each in judge.blocks)]]
    wide.columns = [name.removesuffix("/scratch/top1_pct") for name in wide.columns]
    image = axis.imshow(wide, cmap="RdBu", vmin=-1, vmax=1, aspect="auto")
    for (row, column), value in np.ndenumerate(wide.to_numpy()):
        axis.text(
            column,
            row,
            f"{value:.2f}",
            ha="center",
            va="center",
            fontsize=7,
            color="white" if abs(value) > 0.6 else "black",
        )
    axis.set_yticks(range(len(wide)), wide.index, fontsize=8)
    axis.set_xticks(range(wide.shape[1]), wide.columns, rotation=35, ha="right", fontsize=8)
    axis.set_title(title, fontsize=10)
figure.colorbar(image, ax=axes, label="Kendall's tau with accuracy", shrink=0.5)
plt.show()

# %% [markdown]
# Each proxy by its agreement with the number of parameters, and with accuracy *at one size*. Proxies on the right
# measure size. Proxies at the top measure something else. A useful proxy is above `mean_width`, which costs nothing.

# %%
stacked = np.stack(list(on_all.values()))
agreement = pd.Series(judge.agreement(stacked, np.broadcast_to(params, stacked.shape)), index=list(on_all))
at_one_size = zoo[zoo["block"] == "joint"].set_index("scorer")["iso"]
figure, axes = plt.subplots(figsize=(8, 5.4), layout="constrained")
for name in on_all:
    kind = "D" if name == PROXY else "s" if name in judge.counts else "o"
    axes.plot(agreement[name], at_one_size[name], kind, color={"D": "#c2570c", "s": "#7a7a7a", "o": "#1f5fa8"}[kind])
    axes.annotate(name, (agreement[name], at_one_size[name]), textcoords="offset points", xytext=(5, 3), fontsize=7.5)
axes.axhline(0, color="black", linewidth=0.8)
axes.set(xlabel="joint tau with the number of parameters", ylabel="joint tau with accuracy at one size")
plt.show()
