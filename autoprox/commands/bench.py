"""`python -m autoprox.bench`: builds, imports, checks and describes benchmark tables."""

import argparse
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager

from autoprox.base.errors import AutoproxError, SpecError, suggestion
from autoprox.base.files import require_writable, write_json
from autoprox.bench.labels import KD
from autoprox.bench.schema import ISO_BUDGET_FACTORS, Stratum
from autoprox.bench.table_files import TableFiles, read_manifest
from autoprox.commands.bench_import import add_import
from autoprox.commands.bench_info import add_check, add_info
from autoprox.commands.command import Command, CommandParser, run_part
from autoprox.commands.console import add_process_options, say
from autoprox.commands.image_options import add_images_option, image_folders, require_used
from autoprox.commands.outfolder import resumable
from autoprox.commands.record import read_record, record_beside, run_record
from autoprox.commands.values import PathTo, Text, Whole
from autoprox.datasets import DATASETS, LocalImages
from autoprox.spaces import load_space, space_names
from autoprox.training import DISTILLERS
from autoprox.training.build import build, check_target
from autoprox.training.build_journal import recorded
from autoprox.training.build_plan import BuildPlan
from autoprox.training.device import device_named
from autoprox.training.label_makers import made_kinds
from autoprox.training.recipe import Recipe

GUIDANCE = "guidance"
"""Default distillation loss of the labels kd."""


def _add_options(top: CommandParser) -> None:
    commands = top.add_subparsers(dest="command", required=True)
    building = commands.add_parser(
        "build",
        help="train architectures and write a table",
        description="Samples architectures, trains each on each data set, and writes table, manifest and batches. A "
        "journal next to the table records every finished training. The same command resumes an interrupted build, and "
        "larger numbers extend the table.",
        examples=(
            "bench build --space pit-micro --archs 40 --iso 20 --datasets digits patches --out my/table.parquet",
            "bench build --space pit-micro autoformer-micro --datasets digits --labels scratch kd --out t.parquet",
            "bench build --space pit-ti --datasets flowers --images flowers=data/flowers-102 --out flowers.parquet",
        ),
    )
    recipe = Recipe()
    building.add_argument(
        "--space",
        nargs="+",
        required=True,
        metavar="NAME",
        help="spaces of the architectures",
        type=Text(space_names(), files=True),
    )
    building.add_argument(
        "--archs", type=Whole(1), default=160, metavar="N", help="architectures of each space (default: 160)"
    )
    building.add_argument(
        "--iso",
        type=Whole(0),
        default=80,
        metavar="N",
        help="architectures of one common size among them (default: 80)",
    )
    building.add_argument(
        "--iso-strata",
        nargs="+",
        default=[Stratum.ISO.value],
        metavar="STRATUM",
        help="common sizes: iso, iso-small (half of iso), iso-large (twice iso) (default: iso)",
        type=Text(ISO_BUDGET_FACTORS),
    )
    building.add_argument(
        "--datasets",
        nargs="+",
        required=True,
        metavar="NAME",
        help="data sets",
        type=Text(DATASETS),
    )
    add_images_option(building, "images of data sets that do not come with autoprox")
    building.add_argument(
        "--img-size",
        type=Whole(1, 4096),
        metavar="PX",
        help="side of images from --images (default: the size of the spaces)",
    )
    building.add_argument(
        "--seeds", type=Whole(1, 1000), default=3, metavar="K", help="trainings of each architecture (default: 3)"
    )
    building.add_argument(
        "--iso-seeds", type=Whole(1, 1000), default=4, metavar="K", help="trainings of each iso one (default: 4)"
    )
    building.add_argument(
        "--more-iso-seeds",
        nargs="+",
        default=[],
        metavar="SPACE/DATASET=K",
        help="trainings of each iso architecture of one block, for blocks with a low ceiling",
        type=Text(),
    )
    building.add_argument(
        "--labels",
        nargs="+",
        default=["scratch"],
        metavar="KIND",
        help="label kinds (default: scratch)",
        type=Text(made_kinds()),
    )
    building.add_argument(
        "--distiller",
        choices=[GUIDANCE, *DISTILLERS],
        default=GUIDANCE,
        help="distillation loss of the labels kd; any but guidance has a separate label kind, such as kd-logits "
        "(default: %(default)s)",
    )
    building.add_argument(
        "--label-seeds",
        nargs="+",
        default=[],
        metavar="KIND=K",
        help="trainings of each architecture for labels of a kind (default: as --seeds; 2 for kd)",
        type=Text(),
    )
    building.add_argument(
        "--label-archs",
        nargs="+",
        default=[],
        metavar="KIND=N",
        help="architectures of each space with labels of a kind (default: all)",
        type=Text(),
    )
    building.add_argument("--kd-seeds", type=Whole(1, 1000), metavar="K", help="the same as --label-seeds kd=K")
    building.add_argument(
        "--epochs", type=Whole(1), default=recipe.epochs, metavar="N", help="epochs per training (default: %(default)s)"
    )
    building.add_argument(
        "--zero-residuals",
        action="store_true",
        help="start the last linear map of each residual branch at zero, so that depth helps in short trainings",
    )
    building.add_argument(
        "--device",
        default="cpu",
        metavar="D",
        help="cpu, cuda or cuda:N; labels of different devices are kept apart (default: cpu)",
        type=Text(),
    )
    add_process_options(building, "trainings at a time", jobs=1)
    building.add_argument("--out", type=PathTo(written=True), required=True, metavar="PATH", help="the parquet file")
    building.add_argument(
        "--resume",
        action="store_true",
        help="resume the build of this table with its stored options; options given here override them",
    )
    building.add_argument("--extend", type=PathTo(), metavar="TABLE", help="reuse the labels of an earlier table")
    building.set_defaults(run=_build)
    add_info(commands)
    add_check(commands)
    add_import(commands)


def _build(options: argparse.Namespace) -> int:
    started = time.monotonic()
    plan = BuildPlan(
        spaces=tuple(options.space),
        archs=options.archs,
        iso=options.iso,
        iso_strata=tuple(_iso_stratum(name) for name in dict.fromkeys(options.iso_strata)),
        datasets=tuple(options.datasets),
        seeds=options.seeds,
        iso_seeds=options.iso_seeds,
        more_iso_seeds=tuple(_block_seeds(text) for text in options.more_iso_seeds),
        label_kinds=tuple(_distilled(kind, options.distiller) for kind in options.labels),
        label_seeds=_label_seeds(options),
        label_archs=tuple(_by_kind(options.label_archs, "--label-archs", options.distiller).items()),
        recipe=Recipe(epochs=options.epochs, zero_residuals=options.zero_residuals),
        images=_local_images(options),
        device=options.device,
    )
    if options.backend == "loky":
        device_named(options.device)  # a cluster checks its own device
    files = TableFiles(options.out)
    check_target(files, resume=options.resume)
    with _recorded(options, files), resumable("bench build", files.table, lambda: recorded(files.journal), "trainings"):
        build(plan, files.table, jobs=options.jobs, resume=options.resume, extend=options.extend)
    table = read_manifest(files.manifest)["digest"]
    write_json(run_record(options, started, {"table": table}), record_beside(files.table))
    say(f"Table: {files.table}")
    say(f"Next:\n  autoprox bench info {files.table}\n  autoprox evolve --bench {files.table}")
    return 0


@contextmanager
def _recorded(options: argparse.Namespace, files: TableFiles) -> Iterator[None]:
    """Stores the command next to the table for --resume; restores the earlier one if nothing was trained.

    Raises:
        SpecError: If autoprox did not write the existing record.
    """
    record = record_beside(files.table)
    before, done = read_record(record), recorded(files.journal)
    require_writable(files.table.parent)
    write_json({"command": options.words}, record)
    try:
        yield
    except AutoproxError:
        if recorded(files.journal) == done:
            record.unlink()
            if before is not None:
                write_json(before, record)
        raise


def _local_images(options: argparse.Namespace) -> tuple[LocalImages, ...]:
    """Local images of the requested data sets.

    Raises:
        ImageError: If --images names other data sets.
        SpecError: If no size fits all spaces.
    """
    folders = {name: path for name, path in image_folders(options.images).items() if name in options.datasets}
    require_used(options.images, folders, options.datasets)
    if not folders:
        return ()
    sizes = {load_space(name).default_img_size for name in options.space}
    if options.img_size is None and len(sizes) > 1:
        raise SpecError(
            f"The spaces have different image sizes ({', '.join(map(str, sorted(sizes)))} px). Choose one with "
            "--img-size, or build one table per size."
        )
    size = sizes.pop() if options.img_size is None else options.img_size
    return tuple(LocalImages(name, path, size) for name, path in folders.items())


def _block_seeds(text: str) -> tuple[str, int]:
    block, _, seeds = text.partition("=")
    if not seeds.isdecimal():
        raise SpecError(f"--more-iso-seeds takes SPACE/DATASET=K with a whole number K, not '{text}'.")
    return block, int(seeds)


def _iso_stratum(name: str) -> Stratum:
    if name not in ISO_BUDGET_FACTORS:
        raise SpecError(f"Unknown iso stratum '{name}'. {suggestion(name, ISO_BUDGET_FACTORS)}")
    return Stratum(name)


def _distilled(kind: str, distiller: str) -> str:
    """The label kind of a distiller: kd itself for locality guidance."""
    return f"{kind}-{distiller}" if kind == KD.name and distiller != GUIDANCE else kind


def _label_seeds(options: argparse.Namespace) -> tuple[tuple[str, int], ...]:
    """Seeds per label kind, from --label-seeds and its short form --kd-seeds."""
    given = _by_kind(options.label_seeds, "--label-seeds", options.distiller)
    if options.kd_seeds is not None:
        given[_distilled(KD.name, options.distiller)] = options.kd_seeds
    return tuple(given.items())


def _by_kind(texts: Sequence[str], option: str, distiller: str) -> dict[str, int]:
    given = {}
    for text in texts:
        kind, _, number = text.partition("=")
        if not number.isdecimal():
            raise SpecError(f"{option} takes KIND=N with a whole number N, not '{text}'.")
        given[_distilled(kind, distiller)] = int(number)
    return given


COMMAND = Command(
    "bench",
    "Builds, imports, checks and describes benchmark tables.",
    (
        "bench info",
        "bench check my/table.parquet",
        "bench build --space pit-micro --archs 40 --iso 20 --datasets digits --out my/table.parquet",
        "bench import gt_autoformer.pth --space autoformer-ti --out vitbench.parquet",
    ),
    _add_options,
    run_part,
    {"spaces": "--space", "label_kinds": "--labels", "replace": "--force", "path": "--plot"},
)
