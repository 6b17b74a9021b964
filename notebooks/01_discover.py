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
# # Discover a proxy, and look at it
#
# You search for vision transformers and cannot train every candidate. A *zero-cost proxy* is a formula over an
# untrained network that ranks candidates. This notebook discovers one, looks at what came out, and asks how far it
# can be believed.
#
# Three parts of the architectures of a benchmark table have three jobs. **fit** is what the search climbs on.
# **select** chooses one of what it found. **sealed** is looked at once, when everything else is settled; the more
# often it is looked at, the less its figures mean, so each look is counted in your user folder. This notebook leaves
# sealed alone unless you set `LOOK_AT_SEALED`.

# %% tags=["parameters"]
BUDGET = 1_000  # distinct valid candidates; 20_000 is what the shipped proxies were given (about two minutes)
SEED = 0
LOOK_AT_SEALED = False  # True scores the winner on sealed, which counts as a look

# %%
import tempfile
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from IPython.display import SVG

import autoprox
from autoprox.bench.problem import Problem, statistics_of
from autoprox.bench.splits import Split
from autoprox.bench.table import Table
from autoprox.bench.table_figure import draw
from autoprox.evolve import Discoverer, EvolutionPlan, Stop
from autoprox.graph import formula
from autoprox.graph.export import to_svg
from autoprox.metrics import joint
from autoprox.report.report_figures import Bar, bars_figure
from autoprox.scorers import score_networks

# %matplotlib inline

# %% [markdown]
# ## What there is to learn from
#
# The embedded table holds small networks that were really trained, several times each. A *block* is one space on one
# data set: proxies are judged block by block.

# %%
table = Table.read()
blocks = table.blocks()
print(table)
pd.Series({block.name: len(block) for block in blocks}, name="architectures")

# %% [markdown]
# Size against accuracy. Half of the architectures (orange) have one size and differ in shape alone: what ranks
# *those* is not a counting of parameters.

# %%
drawn = [each for each in table.manifest["blocks"] if each["label_kind"] == blocks[0].label_kind]
draw(table, drawn, blocks[0].metric)

# %% [markdown]
# Two trainings of one network do not agree, so no score can agree with the labels fully. The **noise ceiling** is the
# Kendall tau that a perfect score would reach. Keep the last line in mind: it is the 100 % of every number below.

# %%
known = {
    (each["space"], each["dataset"], each["label_kind"], each["metric"]): each for each in table.manifest["blocks"]
}
described = [known[block.space, block.dataset, block.label_kind, block.metric] for block in blocks]
ceilings = pd.DataFrame(
    {
        "tau of two seeds": [each["all"]["seed_tau"] for each in described],
        "ceiling": [each["all"]["ceiling"] for each in described],
        "ceiling at one size": [each["iso"]["ceiling"] for each in described],
        "tau of parameters": [each["all"]["count_taus"]["params_count"] for each in described],
        "at one size": [each["iso"]["count_taus"]["params_count"] for each in described],
    },
    index=[block.name for block in blocks],
)
ceiling = float(joint(ceilings["ceiling"], [block.space for block in blocks]))
print(f"joint ceiling: {ceiling:.2f}")
ceilings.round(2)

# %% [markdown]
# ## Discover
#
# `search` evolves candidates on fit and chooses one on select. The statistics of the embedded table come with it, so
# nothing has to be collected. Beside it, the same budget for random search: an evolution that does not beat it has
# shown nothing.

# %%
problem = Problem(table, tuple(blocks))
discoverer = Discoverer(problem)
folder = Path(tempfile.mkdtemp())
stop = Stop(BUDGET)
found = discoverer.search(EvolutionPlan(SEED), stop, folder / "evolution" / "journal.sqlite")
discoverer.search(EvolutionPlan(SEED, strategy="random"), stop, folder / "random" / "journal.sqlite")
print(found.proxy.formula)

# %%
figure, axes = plt.subplots(figsize=(6, 3.4), layout="constrained")
for name, style in {"evolution": "-", "random": "--"}.items():
    best = autoprox.runs.load(folder / name).best_so_far["joint"]
    axes.step(best.index, best, style, where="post", label=name)
axes.axhline(ceiling, color="grey", linewidth=0.8)
axes.annotate("noise ceiling", (1, ceiling), textcoords="offset points", xytext=(0, -12), color="grey")
axes.set(xscale="log", xlabel="distinct valid candidates", ylabel="highest joint tau on fit")
axes.legend(loc="lower right")
plt.show()

# %% [markdown]
# ## The hall of fame
#
# The fittest candidates, none a near-copy of another, with what they are worth on select, which had no say in finding
# them. A member that is not *steady* moves when leaves, score, images or weights change as little as rounding changes
# them: it ranks by rounding, and cannot win.

# %%
hall = pd.DataFrame(
    {
        "formula": [formula(each.member.graph) for each in found.hall],
        "fit": [each.member.evaluation.joint for each in found.hall],
        "select": [each.joint for each in found.hall],
        "steady": [each.steady for each in found.hall],
    }
)
hall.head(8).style.format(precision=3)

# %% [markdown]
# One split may be easier than the other. The counts tell: no one chose them, so where they stand is what the split
# does. Members that lie *below the line through the counts* owe part of their place to having been picked on fit: the
# winner's curse.

# %%
fit, select = found.judges[Split.FIT], found.judges[Split.SELECT]
counted = [judge.joint(judge.taus(np.stack(list(judge.counts.values())))) for judge in (fit, select)]
figure, axes = plt.subplots(figsize=(5.6, 4.4), layout="constrained")
for steady, marker, label in ((True, "o", "steady member"), (False, "x", "member that ranks by rounding")):
    own = hall[hall["steady"] == steady]
    axes.scatter(
        own["fit"], own["select"], marker=marker, s=20, color="#1f5fa8", linewidths=0.9, label=f"{label} ({len(own)})"
    )
axes.scatter(
    found.best.member.evaluation.joint,
    found.best.joint,
    marker="D",
    color="#c2570c",
    label="winner: best steady one on select",
)
axes.scatter(*counted, marker="s", s=26, color="#7a7a7a", label="counts")
for name, *place in zip(fit.counts, *counted, strict=True):
    axes.annotate(name, place, textcoords="offset points", xytext=(6, -3), fontsize=8, color="#555555")
axes.axline((0.5, 0.5), slope=1, color="grey", linewidth=0.8)
axes.set(xlabel="joint tau on fit", ylabel="joint tau on select", xlim=(0.45, 0.85), ylim=(0.45, 0.9))
axes.legend(loc="lower right", fontsize=8)
rise = {
    "steady members": (hall["select"] - hall["fit"])[hall["steady"]].mean(),
    "params": counted[1][0] - counted[0][0],
}
print("from fit to select:", ", ".join(f"{name} {value:+.3f}" for name, value in rise.items()))

# %% [markdown]
# ## The winner as a drawing
#
# Statistics of the network at the top, one number per network at the bottom. Blue is one tensor per node, green one
# number per node, orange one number per network.

# %%
SVG(to_svg(found.proxy))

# %% [markdown]
# ## What it is worth
#
# On select, beside what any proxy has to beat: counting, and the best published proxy. Intervals are paired
# bootstraps over architectures. Read the first bar as an *upper side*: the winner was chosen on this very split, and
# so was the best of the zoo. The counts were not chosen on anything.

# %%
contenders = {"winner": found.proxy, f"zoo: {found.zoo.name}": found.zoo}
scores = score_networks(list(contenders.values()), select.networks, statistics_of(table)).values
rows = dict(zip(contenders, scores, strict=True)) | select.counts
verdicts = select.frame(rows)
joints = verdicts[verdicts["block"] == "joint"].set_index("scorer").drop(columns="block")
joints.round(2)

# %%
bars = [Bar(each.Index, each.kendall, each.low, each.high, own=each.Index == "winner") for each in joints.itertuples()]
figure = bars_figure(bars)
figure.axes[0].axvline(ceiling, color="grey", linestyle=":")
figure.axes[0].set_title(f"select ({joints['n'].max()} architectures); dotted: noise ceiling", fontsize=9)
figure

# %% [markdown]
# Whether the winner beats its rival is a question about the *difference*, on the same resampled architectures.
# Overlapping bars do not answer it.

# %%
rival = joints["kendall"].drop("winner").idxmax()
difference, (low, high) = select.margin(rows["winner"], rows[rival])
print(f"winner minus {rival}, on select: {difference:+.3f}, 95 % interval {low:+.3f} to {high:+.3f}")

# %% [markdown]
# ## One look at sealed
#
# A small budget does not justify a look. The proxies that come with autoprox had theirs when they were made, and
# remember what it said; reading that is not a new look.

# %%
shipped = autoprox.load("joint_micro")
sealed = shipped.results["splits"]["sealed"]
remembered = pd.DataFrame(
    [(name, each["joint"], *each["ci95"]) for name, each in sealed.items()], columns=["scorer", "joint", "low", "high"]
)
margin = shipped.results["margin"]
print(
    f"{shipped.name} minus {margin['rival']}, its rival from select: {margin['joint']:+.3f}, 95 %",
    np.round(margin["ci95"], 3),
)
remembered.sort_values("joint", ascending=False).set_index("scorer").round(2)

# %% [markdown]
# For your own proxy: settle budget, seed and options first, then set `LOOK_AT_SEALED = True` and run the notebook
# once. If you do not like what you see and change something, the next look is worth less, and the count will say so.

# %%
final = found.proxy
if LOOK_AT_SEALED:
    discovery = discoverer.judge(found)
    final, margin = discovery.proxy, discovery.margin
    verdict = discovery.verdicts[Split.SEALED]["proxy"]
    print(f"sealed: {verdict.joint:.2f}, 95 %", np.round(verdict.ci95, 2))
    print(f"minus {margin.rival}: {margin.joint:+.3f}, 95 %", np.round(margin.ci95, 3))
    print(f"looks at the sealed split of this table so far: {discovery.sealed_scorings}")
else:
    print("sealed was not looked at")

# %% [markdown]
# ## Take it with you
#
# One file, and a score for any network. The same from the command line: `python -m autoprox.evolve`, which also
# writes a report.

# %%
final.save(folder / "best.json")
proxy = autoprox.load(folder / "best.json")
space, task = autoprox.space("pit-micro"), table.task("digits", "pit-micro")
model = space.build(space.sample(np.random.default_rng(SEED)), task.num_classes, task.img_size, task.in_chans, seed=0)
proxy.score(model, task.images, task.labels)
