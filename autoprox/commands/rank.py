"""`autoprox rank`: ranks untrained models by a score, under bounds of their costs."""

import argparse
from collections.abc import Mapping, Sequence

import pandas as pd

from autoprox.api.model_ranking import DEFAULT_SCORER, SPREAD, rank
from autoprox.base.errors import SpecError
from autoprox.base.figures import write_figure
from autoprox.base.files import atomically
from autoprox.commands.command import Command, CommandParser
from autoprox.commands.common_options import add_json, add_seed
from autoprox.commands.console import note, say, say_json, say_text, text_table
from autoprox.commands.names import SCORER
from autoprox.commands.outfile import require_free
from autoprox.commands.searchbounds import warn_of_noise
from autoprox.commands.values import PathTo, Text, Whole
from autoprox.datasets import open_images
from autoprox.datasets.batches import draw_batch
from autoprox.networks import NamedModel, named_models
from autoprox.networks.latency import Timing, machine
from autoprox.report import draw_ranking
from autoprox.spaces.task import BATCH_SIZE, DEFAULT_NUM_CLASSES, NOISE_CHANNELS, Task, noise_task
from autoprox.spaces.units import COUNT, SECONDS

NOISE = "noise"
DEFAULT_IMG_SIZE = 224


def _add_options(options: CommandParser) -> None:
    options.add_argument(
        "--models",
        nargs="+",
        required=True,
        metavar="M",
        help="hf:CONFIG.json (or its folder), timm:NAME, arch:FILE.json (result.json of a search, metapool.json), or "
        "my_file.py:models (a module, a mapping or list of modules, or a function that returns one)",
        type=Text(files=True),
    )
    options.add_argument(
        "--scorer",
        nargs="+",
        default=[DEFAULT_SCORER],
        metavar="P",
        help=f"names of shipped or zoo proxies, or folders of runs; the first one decides (default: {DEFAULT_SCORER})",
        type=SCORER,
    )
    options.add_argument(
        "--images",
        default=NOISE,
        metavar="DIR|noise",
        help="images to score on: one folder per class, CIFAR, Flowers-102, Chaoyang, or noise (default: noise)",
        type=Text([NOISE], files=True),
    )
    options.add_argument(
        "--max",
        action="append",
        default=[],
        metavar="COST=V",
        help="upper bound of params, macs or latency, such as params=10M or latency=50ms; may be repeated",
        type=Text(["params=", "macs=", "latency="]),
    )
    options.add_argument(
        "--img-size",
        type=Whole(1, 4096),
        metavar="PX",
        help="side of the images (default: as the models state, else 224)",
    )
    options.add_argument("--num-classes", type=Whole(2, 100_000), metavar="N", help="classes, with noise (default: 10)")
    options.add_argument(
        "--count",
        type=Whole(1, 4096),
        metavar="N",
        help=f"images of the batch (default: {BATCH_SIZE}, fewer of noise)",
    )
    options.add_argument(
        "--threads",
        type=Whole(1, 256),
        default=1,
        metavar="N",
        help="threads of torch while latency is measured (default: 1)",
    )
    add_seed(options)
    options.add_argument(
        "--figure", type=PathTo(written=True), metavar="FILE", help="draw score against latency (.svg, .png)"
    )
    options.add_argument("--csv", type=PathTo(written=True), metavar="FILE", help="write the table as CSV")
    options.add_argument("--force", action="store_true", help="replace these files if they exist")
    add_json(options)


def _rank(options: argparse.Namespace) -> int:
    require_free([each for each in (options.figure, options.csv) if each is not None], force=options.force)
    if options.figure is not None and options.figure.suffix.lower() not in {".svg", ".png"}:
        raise SpecError(f"--figure '{options.figure}' is neither .svg nor .png; give one of these.")
    models = named_models(options.models, options.seed)
    task = _task(options, models)
    built = {each.name: each.build(task.num_classes) for each in models}
    if len(built) < len(models):
        raise SpecError("Two of the models have the same name; give distinct names in a mapping.")
    frame = rank(
        built,
        task.images,
        task.labels,
        scorer=options.scorer,
        max=_bounds(options.max),
        threads=options.threads,
    )
    if options.csv is not None:
        atomically(options.csv, frame.to_csv)
    if options.figure is not None:
        write_figure(draw_ranking(frame), options.figure)
    if options.json:
        say_json({"images": task.dataset, "machine": list(machine()), "models": _documents(frame)})
        return 0
    say(f"{len(frame)} untrained models on {task.dataset}, {task.img_size} px, {len(task.images)} images")
    say(text_table(_rows(frame)))
    scored = f"score: {options.scorer[0]}, higher" if len(options.scorer) == 1 else "scores: higher"
    say(f"{scored} is better")
    say_text("latency: median forward pass of one image on this machine, ± half the interquartile range of the repeats")
    if frame["rank"].isna().any():
        say("-: not ranked, since the model exceeds a bound of --max")
    warn_of_noise(Timing(row["latency"], row[SPREAD], 0) for _, row in frame.iterrows())
    for path in (options.csv, options.figure):
        if path is not None:
            note(f"wrote {path}")
    return 0


def _bounds(given: Sequence[str]) -> dict[str, float | str]:
    found: dict[str, float | str] = {}
    for text in given:
        name, equals, value = text.partition("=")
        if not equals or not value:
            raise SpecError(f"--max {text}: give a cost and its value, such as --max latency=50ms.")
        found[name] = value
    return found


def _task(options: argparse.Namespace, models: Sequence[NamedModel]) -> Task:
    size = options.img_size or _common("image size", {each.name: each.img_size for each in models}, DEFAULT_IMG_SIZE)
    channels = _common("number of channels", {each.name: each.in_chans for each in models}, NOISE_CHANNELS)
    silent = [each.name for each in models if each.img_size is None]
    if silent and options.img_size is None:
        note(f"{', '.join(silent)}: no image size is stated, so {size} px is used; give another with --img-size")
    if options.images == NOISE:
        task = noise_task(NOISE, options.num_classes or DEFAULT_NUM_CLASSES, size, channels)
        return task if options.count is None else _first(task, options.count)
    if options.num_classes is not None:
        raise SpecError("--num-classes applies to noise only; the images have their own classes. Leave it out.")
    data = open_images(options.images, size, channels=channels)
    return draw_batch(data, options.count or BATCH_SIZE).task(data.name)


def _first(task: Task, count: int) -> Task:
    shape = task.shape
    return Task(task.dataset, *shape, task.images[:count], task.labels[:count], task.source)


def _common(noun: str, stated: Mapping[str, int | None], default: int) -> int:
    known = {name: value for name, value in stated.items() if isinstance(value, int)}
    if len(set(known.values())) > 1:
        listed = ", ".join(f"{name}: {value}" for name, value in known.items())
        raise SpecError(f"The models differ in their {noun} ({listed}). Rank models of one {noun} at a time.")
    return next(iter(known.values()), default)


def _rows(frame: pd.DataFrame) -> list[dict[str, str]]:
    scorers = list(frame.columns[1:-4])
    return [
        {
            "rank": "-" if pd.isna(row["rank"]) else str(row["rank"]),
            "model": str(name),
            **{scorer: f"{row[scorer]:.4g}" for scorer in scorers},
            "params": COUNT.text(int(row["params"])),
            "MACs": COUNT.text(int(row["macs"])),
            "latency": f"{SECONDS.text(row['latency'])} ±{50 * row[SPREAD]:.0f} %",
        }
        for name, row in frame.iterrows()
    ]


def _documents(frame: pd.DataFrame) -> list[dict[str, object]]:
    rows = frame.reset_index().astype(object).where(frame.reset_index().notna(), None)
    return [{str(name): value for name, value in row.items()} for row in rows.to_dict("records")]


COMMAND = Command(
    "rank",
    "Ranks untrained models by a score, and shows the parameters, multiply-accumulates and latency of each.",
    (
        "rank --models timm:vit_tiny_patch16_224 timm:deit3_small_patch16_224 --max latency=50ms",
        "rank --models hf:small.json hf:wide.json --images data/flowers --scorer synflow az_nas --figure ranking.svg",
        "rank --models my_file.py:models --max params=10M --csv ranking.csv",
    ),
    _add_options,
    _rank,
)
