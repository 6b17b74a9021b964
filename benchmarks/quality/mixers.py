"""Mixers and pooling at equal cost; searched pooling at equal training; proxies across kinds of mixers.

    python benchmarks/quality/mixers.py                # all trainings: five seeds in about 75 minutes of one core
    python benchmarks/quality/mixers.py --minutes 20   # starts no further training after 20 minutes
    python benchmarks/quality/mixers.py --summary      # only results in the journal

- Mixers: attention, MCA and MCA without some of its parts, and each pooling behind attention and behind MCA, at equal
  parameters and multiply-accumulates (mixer_networks.py). Three data sets with all their training images, and with 200
  of them; 160 steps with the recipe of the tables, so that only the images differ.
- PMPL: for each data set and seed, a search for the pooling of a network of MCA with kernels of 3. Then a network with
  the chosen operations is trained from scratch, as are networks with one operation in all stages and with ten random
  sets of operations, all with the same steps, order of images and seeds.
- Effective receptive fields, after each stage, of fresh and of trained networks.
- Kinds: labels of 40 architectures of mixer-micro with attention alone, 40 with MCA alone and 40 mixed, as tables hold
  them; counts, zoo and shipped proxies within each kind, on all, and on pairs of attention alone and MCA alone.

Differences are paired by seed. Their 95 % intervals are Student's, with the variance over seeds pooled over data sets.
Each finished training is appended to a journal and is not repeated. Results: results/mixers.json, and the same as
Markdown in results/mixers.md and results/metapooling.md.
"""

import argparse
import json
import platform
import time
from collections.abc import Callable, Iterator, Sequence
from dataclasses import dataclass, replace
from itertools import product
from pathlib import Path
from typing import Any

import numpy as np
import torch
from mixer_networks import MACS, MIXERS, PARAMS, POOLED, Variant, blocks, cost, matched, network, shape_of
from mixers_markdown import mixers_markdown, pooling_markdown
from mixers_summary import Summary, key_of, kinds
from torch import nn

from autoprox.base.digest import derived_seed
from autoprox.base.isolation import isolated
from autoprox.base.threads import single_threaded
from autoprox.bench.labels import SCRATCH
from autoprox.datasets import Dataset, dataset
from autoprox.datasets.base import stratified_split
from autoprox.metapool import MODES, MetaPoolPlan, MetaPoolTrainer, effective_receptive_field
from autoprox.spaces import Arch, TaskShape, load_space
from autoprox.spaces.mixer import ENHANCERS, EXPANSIONS, KERNELS, distinct_enhancers
from autoprox.training import Recipe, Training
from autoprox.training.loop import fit, measure
from autoprox.training.train import train

RESULTS = Path(__file__).parent / "results"
DATASETS = ("patches", "mnist5k", "digits")
SIZES = ("all", "200")
SEEDS, FIRST_SEEDS = 5, 3
"""Seeds in all, and seeds that come before the labels of kinds."""
STEPS, FEW_PER_CLASS = 160, 20
SPACE = load_space("mixer-micro")
POOLED_GENES = {"width": 16, "mlp_ratio": 2, "kernels": [3], "expand": 2, "depth": [1, 1, 1], "mixer": ["mca"] * 3}
"""The network whose pooling is searched: its blocks come closest to those of MobileNetV2."""
RANDOM_SETS = 10
KINDS = ("attention", "mca", "mixed")
ARCHS = 40
LABELLED = ("digits", "patches")


@dataclass(frozen=True)
class Job:
    """A piece of work with its key in the journal."""

    key: str
    run: Callable[[], dict[str, Any]]


def trained(model: nn.Module, data: Dataset, seed: int) -> dict[str, Any]:
    """Trains and tests a network; its effective receptive fields before and after."""
    with single_threaded(), isolated(seed=seed):
        fresh = fields(model, data)
        recipe = Recipe(epochs=round(STEPS / -(-len(data.train_labels) // Recipe.batch_size)))
        failure = fit(model, data, recipe, derived_seed("mixers", "order", data.name, seed), None)
        if failure:
            raise SystemExit(f"A training failed: {failure}")
        return {**measure(model, data), "fresh": fresh, "trained": fields(model, data)}


def fields(model: nn.Module, data: Dataset) -> list[float]:
    """Effective receptive field after each stage in px, on 20 test images."""
    images = torch.from_numpy(data.normalised(data.test_images[:20]))
    model.eval()
    return [round(effective_receptive_field(model, images, block), 3) for block in blocks(model)]


def few(data: Dataset, seed: int) -> Dataset:
    """The data set with 20 training images per class, others for each seed."""
    rng = np.random.default_rng(derived_seed("mixers", "images", data.name, seed))
    kept, _ = stratified_split(data.train_labels, FEW_PER_CLASS, rng)
    return replace(data, train_images=data.train_images[kept], train_labels=data.train_labels[kept])


def task_of(data: Dataset) -> TaskShape:
    return TaskShape(data.num_classes, data.img_size, data.in_chans)


def sizes_job(variant: Variant, data: str) -> Job:
    """The sizes of a variant on a data set, which need some seconds."""

    def run() -> dict[str, Any]:
        shape = matched(variant, task_of(dataset(data)), PARAMS, MACS[data])
        return {"width": shape.stages[0].width, "hidden": [stage.hidden for stage in shape.stages]}

    return Job(
        f"{data}/sizes: {variant.mixer}, {variant.kernels}, {variant.expand}, {variant.gate}, {variant.enhancer}", run
    )


def variant_job(variant: Variant, data: str, size: str, seed: int, sizes: dict[str, Any]) -> Job:
    def run() -> dict[str, Any]:
        whole = dataset(data)
        shape = shape_of(variant, sizes["width"], tuple(sizes["hidden"]), whole.img_size)
        params, macs = cost(variant, shape, task_of(whole))
        model = network(variant, shape, task_of(whole), derived_seed("mixers", "parameters", seed) % 2**63)
        used = whole if size == "all" else few(whole, seed)
        return {"params": params, "macs": macs, **trained(model, used, seed)}

    return Job(key_of(f"{data}/{size}", variant.name, seed), run)


def pooled_job(enhancers: tuple[str, ...], data: str, seed: int) -> Job:
    def run() -> dict[str, Any]:
        used = dataset(data)
        arch = SPACE.arch({**POOLED_GENES, "enhancer": list(enhancers)})
        model = SPACE.build(arch, *task_of(used), seed=derived_seed("mixers", "parameters", seed) % 2**63)
        return trained(model, used, seed)

    return Job(key_of(f"{data}/pooling", ", ".join(enhancers), seed), run)


def search_job(mode: str, data: str, seed: int) -> Job:
    def run() -> dict[str, Any]:
        plan = MetaPoolPlan(mode=mode, seed=seed)
        start = SPACE.arch({**POOLED_GENES, "enhancer": ["skip"] * 3})
        trainer = MetaPoolTrainer(SPACE, start, dataset(data), plan)
        for _ in trainer.steps():
            pass
        chosen = trainer.chosen()
        return {
            "enhancers": [stage.op for stage in chosen.stages],
            "reasons": [stage.decisions[-1].reason for stage in chosen.stages],
            "epochs": [stage.decisions[-1].epoch for stage in chosen.stages],
        }

    return Job(key_of(f"{data}/search", mode, seed), run)


def label_job(arch: Arch, data: str) -> Job:
    def run() -> dict[str, Any]:
        outcome = train(Training(SPACE, arch, data, SCRATCH, 0), Recipe())
        return {**outcome.values, "failure": outcome.failure}

    return Job(key_of(f"{data}/label", arch.json, 0), run)


def random_sets() -> list[tuple[str, ...]]:
    """Ten different sets of operations, one operation per stage; on the last map some windows are equal."""
    rng, found = np.random.default_rng(0), list[tuple[str, ...]]()
    choices = (ENHANCERS, ENHANCERS, distinct_enhancers(2))
    while len(found) < RANDOM_SETS:
        drawn = tuple(str(rng.choice(each)) for each in choices)
        if drawn not in found:
            found.append(drawn)
    return found


def drawn_kinds() -> dict[str, list[Arch]]:
    """Different architectures of each kind of mixer, drawn at random."""
    found: dict[str, list[Arch]] = {}
    for kind in KINDS:
        rng = np.random.default_rng(derived_seed("mixers", "kinds", kind))
        archs: dict[str, Arch] = {}
        while len(archs) < ARCHS:
            genes = {**SPACE.genes(SPACE.sample(rng))}
            drawn = [str(rng.choice(KINDS[:2])) for _ in genes["mixer"]]
            if kind == "mixed" and len(set(drawn)) == 1:
                continue
            genes["mixer"] = drawn if kind == "mixed" else [kind] * len(drawn)
            convolves = kind != "attention"
            genes["kernels"] = list(KERNELS[rng.integers(len(KERNELS)) if convolves else 0])
            genes["expand"] = EXPANSIONS[rng.integers(len(EXPANSIONS)) if convolves else 0]
            arch = SPACE.arch(genes)
            archs[arch.arch_id] = arch
        found[kind] = list(archs.values())
    return found


def jobs(journal: dict[str, Any]) -> Iterator[Job]:
    """All trainings, the most informative first."""
    for seed, size in ((0, "all"), (0, "200"), (1, "all"), (2, "all")):
        yield from mixer_jobs(MIXERS[:-1], size, seed, journal)
    yield from searched_jobs(0, DATASETS[0], journal)
    for seed in range(1, FIRST_SEEDS):
        yield from mixer_jobs(MIXERS[:-1], "200", seed, journal)
    for seed, data in product(range(FIRST_SEEDS), DATASETS):
        yield from searched_jobs(seed, data, journal)
    for seed, size in product(range(FIRST_SEEDS), SIZES):
        yield from mixer_jobs((MIXERS[-1], *POOLED), size, seed, journal)
    for data, place in product(LABELLED, range(ARCHS)):
        for archs in drawn_kinds().values():
            yield label_job(archs[place], data)
    for seed in range(FIRST_SEEDS, SEEDS):
        for size in SIZES:
            yield from mixer_jobs((*MIXERS, *POOLED), size, seed, journal)
        for data in DATASETS:
            yield from searched_jobs(seed, data, journal)


def mixer_jobs(variants: Sequence[Variant], size: str, seed: int, journal: dict[str, Any]) -> Iterator[Job]:
    """Trainings of variants at equal cost."""
    for data, variant in product(DATASETS, variants):
        # A pooling without parameters costs nothing that is counted.
        counted = variant if variant.enhancer == "strip" else replace(variant, name="", enhancer="skip")
        sizes = sizes_job(counted, data)
        yield sizes
        yield variant_job(variant, data, size, seed, journal[sizes.key])


def searched_jobs(seed: int, data: str, journal: dict[str, Any]) -> Iterator[Job]:
    """Searches for pooling, and the training of what they chose and of its rivals."""
    searches = [search_job(mode, data, seed) for mode in MODES]
    yield from searches
    chosen = [tuple(journal[search.key]["enhancers"]) for search in searches]
    uniform = [(enhancer,) * 3 for enhancer in ENHANCERS]
    for enhancers in dict.fromkeys([*chosen, *uniform, *random_sets()]):
        yield pooled_job(enhancers, data, seed)


def results_of(journal: dict[str, Any]) -> dict[str, Any]:
    """All results in a journal."""
    summary = Summary(journal, DATASETS, SIZES, SEEDS)
    found = {data: kinds(journal, SPACE, data, drawn_kinds()) for data in LABELLED}
    return {
        "command": "python benchmarks/quality/mixers.py",
        "scale": f"{STEPS} steps each, {sum('top1_pct' in entry for entry in journal.values()):,} trainings",
        "machine": platform.platform(),
        "torch": str(torch.__version__),
        "datasets": list(DATASETS),
        "mixers": summary.mixers(),
        "helped": summary.helped(),
        "pooling": summary.pooling(random_sets()),
        "kinds": {data: each for data, each in found.items() if each is not None},
    }


def main() -> None:
    """Makes the trainings that are missing in the journal, and writes the results."""
    options = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    options.add_argument("--minutes", type=float, metavar="M", help="start no further training after M minutes")
    options.add_argument("--summary", action="store_true", help="train nothing")
    options.add_argument("--out", type=Path, default=RESULTS, metavar="DIR", help="folder of journal and results")
    given = options.parse_args()
    path = given.out / "mixers.journal.jsonl"
    lines = path.read_text().splitlines() if path.exists() else []
    journal: dict[str, Any] = {entry.pop("key"): entry for entry in map(json.loads, lines)}
    start = time.monotonic()
    for job in () if given.summary else jobs(journal):
        if job.key in journal:
            continue
        if given.minutes is not None and time.monotonic() - start > 60 * given.minutes:
            break
        used = time.process_time()
        journal[job.key] = {**job.run(), "seconds": round(time.process_time() - used, 1)}
        with path.open("a") as file:
            file.write(json.dumps({"key": job.key, **journal[job.key]}) + "\n")
        print(f"{(time.monotonic() - start) / 60:5.1f} min  {job.key}  ({journal[job.key]['seconds']} s)", flush=True)
    results = results_of(journal)
    (given.out / "mixers.json").write_text(json.dumps(results, indent=1, allow_nan=False) + "\n")
    texts = {"mixers": mixers_markdown(results)}
    if results["pooling"]["datasets"]:
        texts["metapooling"] = pooling_markdown(results)
    for name, text in texts.items():
        (given.out / f"{name}.md").write_text(text)
        print(text)


if __name__ == "__main__":
    main()
