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
# # Your own space
#
# One file of about 25 lines defines the choices of a space and builds its networks. It is not part of autoprox.
# Tables, discovery, search and export then work on it. Here are three examples: convolutional mixers (no attention,
# no LayerNorm), a grid of Hugging Face configurations, and a factory that makes models by name, like `create_model`
# of timm.
#
# The budgets below only show that each step works. Labels after one pass over 400 images, and proxies found in
# seconds, do not describe these spaces.

# %% tags=["parameters"]
ARCHS, EPOCHS = 12, 1  # architectures that are trained, and passes over the images; 160 and 10 are the defaults
BUDGET = 60  # candidates of the discovery; 20_000 and more
SEARCHED = 8  # architectures that a search scores; 1_000 is the default
SEED = 0

# %%
import contextlib
import importlib.util
import io
import runpy
import sys
from pathlib import Path

import matplotlib.pyplot as plt
import numpy as np
import pandas as pd
from torch import nn
from transformers import ViTConfig, ViTForImageClassification

import autoprox
from autoprox.bench.table import Table
from autoprox.search import Constraints
from autoprox.spaces import Gene

# %matplotlib inline

# %% [markdown]
# ## The file

# %%
code = """
from torch import nn

import autoprox
from autoprox.spaces import Gene, Length


class Mixer(nn.Module):
    def __init__(self, width, kernel, kind):
        super().__init__()
        groups = {"depthwise": width, "grouped": 2}[kind]
        self.mix = nn.Conv2d(width, width, kernel, padding=kernel // 2, groups=groups)
        self.norm, self.act, self.point = nn.BatchNorm2d(width), nn.GELU(), nn.Conv2d(width, width, 1)

    def forward(self, x):
        return x + self.point(self.act(self.norm(self.mix(x))))


def build(genes, task):
    layers, before = [], task.in_chans
    for depth, width, kernel in zip(genes["depth"], genes["width"], genes["kernel"]):
        layers += [nn.Conv2d(before, width, 2, stride=2), *(Mixer(width, kernel, genes["mixer"]) for _ in range(depth))]
        before = width
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(before, task.num_classes))


genes = [
    Gene("depth", [1, 2, 3], along=2),
    Gene("width", [8, 12, 16, 24], along=Length("depth")),
    Gene("kernel", [3, 5], along=Length("depth")),
    Gene("mixer", ["depthwise", "grouped"]),
]
space = autoprox.define_space("conv-mixer", genes, build, img_sizes=[8, 16, 28])
"""
Path("my_file.py").write_text(code)
space = autoprox.space("my_file.py:space")
rng = np.random.default_rng(SEED)
first, second = space.sample(rng), space.sample(rng)
print("drawn  ", first.json)
print("mutant ", space.mutate(first, rng).json)
print("child  ", space.crossover(first, second, rng).json)
print(space.counts(first, num_classes=10, img_size=8, in_chans=1))

# %%
drawn = [space.sample(rng) for _ in range(60)]
plt.hist([space.params(arch, 10, 8, 1) for arch in drawn], bins=20)
plt.xlabel("parameters")
plt.ylabel("architectures of 60")

# %% [markdown]
# ## A table
#
# Its labels are trained here, from scratch and with a teacher. Labels can also be imported from a CSV file with a
# column `arch_json`, or with one column per gene.


# %%
def autoprox_command(*words):
    """Runs `autoprox` with these words, in this process, and shows its output."""
    output, errors = io.StringIO(), io.StringIO()
    sys.argv = ["autoprox", *map(str, words)]
    try:
        with contextlib.redirect_stdout(output), contextlib.redirect_stderr(errors):
            runpy.run_module("autoprox", run_name="__main__")
    except SystemExit as ended:
        print(output.getvalue()[-1500:], errors.getvalue() if ended.code else "")


sizes = ["--archs", ARCHS, "--iso", 0, "--seeds", 1, "--label-seeds", "kd=1", "--epochs", EPOCHS]
autoprox_command(
    *("bench", "build", "--space", "my_file.py:space", "--datasets", "digits", "--labels", "scratch", "kd"),
    *(*sizes, "--out", "mine.parquet"),
)
table = Table.read("mine.parquet", spaces=[space])
table.frame.groupby(["label_kind", "metric"])["value"].describe()

# %%
top1 = table.frame[table.frame["metric"] == "top1_pct"].pivot(index="arch_id", columns="label_kind", values="value")
plt.scatter(top1["scratch"], top1["kd"])
plt.xlabel("top-1 from scratch, %")
plt.ylabel("top-1 with a teacher, %")
# %%
rows = table.frame[(table.frame["metric"] == "top1_pct") & (table.frame["label_kind"] == "scratch")]
rows[["arch_json", "dataset", "value"]].to_csv("one_column.csv", index=False)
genes = pd.DataFrame([space.parse(text).genes for text in rows["arch_json"]])
genes.assign(dataset="digits", value=rows["value"].to_numpy()).to_csv("a_column_a_gene.csv", index=False)
for name in ("one_column", "a_column_a_gene"):
    autoprox_command("bench", "import", f"{name}.csv", "--space", "my_file.py:space", "--out", f"{name}.parquet")
one, other = (Table.read(f"{name}.parquet", spaces=[space]).frame for name in ("one_column", "a_column_a_gene"))
print(one["value"].equals(other["value"]))

# %% [markdown]
# The table stores the import path of its space, and a digest of genes and builder. If the space is missing or has
# changed, one line says so.

# %%
autoprox_command("bench", "check", "mine.parquet")

# %% [markdown]
# ## Discovery, search, export

# %%
table_and_space = ["--bench", "mine.parquet", "--space", "my_file.py:space"]
brief = ["--budget", BUDGET, "--keep-sealed", "--no-report", "--quiet"]
autoprox_command("evolve", *table_and_space, *brief, "--out", "run")
proxy = autoprox.load("run/best.json")
print(proxy.brief)
bounds = ["--max", "latency=50ms", "--max", "params=30k"]
autoprox_command(
    *("search", "--space", "my_file.py:space", "--proxy", "run", *bounds, "--dataset", "digits"),
    *("--budget", SEARCHED, "--out", "found", "--quiet"),
)

# %%
found = pd.read_csv("found/candidates.csv")
plt.scatter(found["params"], found["score"])
plt.xlabel("parameters")
plt.ylabel("score")
# %% [markdown]
# A run exports a Python file that needs only torch.

# %%
autoprox_command("show", "run", "--python", "best.py")
module_spec = importlib.util.spec_from_file_location("best", "best.py")
best = importlib.util.module_from_spec(module_spec)
module_spec.loader.exec_module(best)
model = space.build(found["arch_json"].map(space.parse)[0], num_classes=10, img_size=8, in_chans=1)
images, labels = rng.normal(size=(8, 1, 8, 8)).astype("float32"), np.arange(8)
print(best.score(model, images, labels), proxy.score(model, images, labels))

# %% [markdown]
# ## A grid of Hugging Face configurations


# %%
def vit(genes, task):
    """One configuration of the grid."""
    config = ViTConfig(
        hidden_size=12 * genes["heads"],
        num_attention_heads=genes["heads"],
        num_hidden_layers=genes["layers"],
        intermediate_size=genes["hidden"],
        image_size=task.img_size,
        patch_size=4,
        num_channels=task.in_chans,
        num_labels=task.num_classes,
    )
    return ViTForImageClassification(config)


grid = [Gene("heads", [1, 2, 3, 4]), Gene("layers", [1, 2, 3, 4]), Gene("hidden", [16, 32, 64])]
vits = autoprox.define_space("hf-vit", grid, vit, img_sizes=[8, 16, 32])
autoprox.search.run(autoprox.load("snip"), vits, Constraints(max_params=30_000), rng, budget=SEARCHED).frame().head()

# %% [markdown]
# ## A factory by name
#
# With timm the function is `timm.create_model`, and `timm.list_models()` lists the names.

# %%
registry = {"plain_8": (8, 2), "plain_16": (16, 2), "deep_8": (8, 4)}


def create_model(name, num_classes, in_chans):
    """Stand-in for a library of models."""
    width, depth = registry[name]
    layers = [nn.Conv2d(in_chans, width, 3, padding=1), nn.ReLU()]
    for _ in range(depth):
        layers += [nn.Conv2d(width, width, 3, padding=1), nn.ReLU()]
    return nn.Sequential(*layers, nn.AdaptiveAvgPool2d(1), nn.Flatten(), nn.Linear(width, num_classes))


def from_factory(genes, task):
    """The model of this name."""
    return create_model(genes["model"], num_classes=task.num_classes, in_chans=task.in_chans)


named = autoprox.define_space("factory", [Gene("model", list(registry))], from_factory, img_sizes=[28, 32])
autoprox.search.run(autoprox.load("snip"), named, rng=rng).frame()
