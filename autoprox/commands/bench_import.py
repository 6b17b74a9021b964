"""`python -m autoprox.bench import`: reads third-party tables."""

import argparse
import shlex
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING

from autoprox.base.errors import SpecError, TableError
from autoprox.base.references import is_reference
from autoprox.bench.importers import Draft, FaultKind, Mapping, import_drafts, read_columns, read_published
from autoprox.bench.table import Table
from autoprox.commands.console import fault, note, say, warn
from autoprox.commands.values import PathTo, Text
from autoprox.spaces import Space, load_space, space_names

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from autoprox.commands.command import CommandParser

PUBLISHED, COLUMNS = (".pth", ".pt"), (".csv", ".parquet")

_EXAMPLES = (
    "bench import gt_autoformer.pth --space autoformer-ti --out vitbench.parquet",
    "bench import gt_autoformer.pth gt_pit_a.pth --space autoformer-ti pit-ti --out both.parquet",
    "bench import runs.csv --space autoformer-ti --out mine.parquet --columns arch_json=arch value=acc --constants "
    "dataset=c100 num_classes=100",
    "bench import runs.csv --space pit-ti --out mine.parquet --columns value=acc dataset=task gene.base_dim=dim "
    "gene.mlp_ratio=ratio gene.depth=depths gene.num_heads=heads",
)


def add_import(commands: "_SubParsersAction[CommandParser]") -> None:
    """Adds the command `import`."""
    parser = commands.add_parser(
        "import",
        help="make a table from your own or published results",
        description="Reads a file of ViT-Bench-101 (.pth; no code in it is run), CSV or parquet, checks every row, and "
        "writes a table with a manifest. If any row has a fault, the faults are listed and nothing is written.",
        examples=_EXAMPLES,
    )
    parser.add_argument("files", nargs="+", type=PathTo(), metavar="FILE", help=".pth, .csv or .parquet; one per space")
    parser.add_argument(
        "--space",
        nargs="+",
        metavar="S",
        help="space of the architectures, one per file; required for .pth",
        type=Text(space_names(), files=True),
    )
    parser.add_argument("--out", type=PathTo(written=True), required=True, metavar="T", help="the parquet file")
    parser.add_argument(
        "--columns",
        nargs="+",
        default=[],
        metavar="NAME=COLUMN",
        help="column of the file for a column of the table; gene.NAME=COLUMN for one gene of the architecture",
        type=Text(),
    )
    parser.add_argument(
        "--constants",
        nargs="+",
        default=[],
        metavar="NAME=VALUE",
        help="one value for a whole column of the table",
        type=Text(),
    )
    parser.add_argument("--skip-invalid", action="store_true", help="skip architectures that the space does not allow")
    parser.add_argument(
        "--licence",
        default="unstated",
        metavar="TEXT",
        help="licence of the labels, for the manifest",
        type=Text(),
    )
    parser.add_argument("--force", action="store_true", help="replace a table that was imported earlier")
    parser.add_argument("--verbose", action="store_true", help="list each row with a fault")
    parser.set_defaults(run=_import)


def _import(options: argparse.Namespace) -> int:
    spaces = [load_space(reference) for reference in options.space or []]
    done = import_drafts(
        _drafts(options, spaces),
        options.out,
        _command(options),
        spaces=spaces,
        skip_invalid=options.skip_invalid,
        replace=options.force,
    )
    for line in done.skipped:
        note(f"skipped: {line}")
    for line in done.faults if options.verbose else [line for each in done.found for line in each.folded()]:
        fault(line)
    if done.faults:
        kinds = {each.kind for each in done.found}
        hint = ""
        if FaultKind.ARCHITECTURE in kinds:
            hint += " Skip architectures that the space does not allow with --skip-invalid."
        if FaultKind.MISSING_COLUMN in kinds:
            hint += " Name your column with --columns value=YOURS, or fill one with --constants dataset=NAME."
        names = ", ".join(str(path) for path in options.files)
        raise TableError(f"{names}: {len(done.faults)} faults, listed above; nothing was written.{hint}")
    table = Table.read(options.out, spaces=spaces)
    for line in done.notes:
        note(line)
    if done.assumed:
        note(f"Set the number of classes of {', '.join(done.assumed)} with --constants num_classes=N.")
    if table.without_images:
        names = ", ".join(table.without_images)
        note(
            f"No images of {names} are available: statistics are computed on Gaussian noise. Commands that use the "
            "table take images with --images NAME=FOLDER."
        )
    for line in done.doubts:
        warn(line)
    say(f"Table: {options.out}")
    say(f"{len(table.archs)} architectures, {len(table.frame)} labels. Next:")
    custom = [reference for reference in options.space or [] if is_reference(reference)]
    words = shlex.join([str(options.out), *(["--space", *custom] if custom else [])])
    say(f"  autoprox bench info {words}")
    say(f"  autoprox evolve --bench {words}")
    return 0


def _drafts(options: argparse.Namespace, spaces: Sequence[Space]) -> list[Draft]:
    if spaces and len(spaces) != len(options.files):
        raise SpecError(
            f"--space names {len(spaces)} spaces for {len(options.files)} files; give one per file, in order."
        )
    each: Sequence[Space | None] = spaces or [None] * len(options.files)
    pairs = zip(options.files, each, strict=True)
    return [_draft(path, space, options) for path, space in pairs]


def _draft(path: Path, space: Space | None, options: argparse.Namespace) -> Draft:
    suffix = path.suffix.lower()
    if suffix in PUBLISHED:
        if space is None:
            raise SpecError(f"{path} does not name its space; give --space, such as autoformer-ti.")
        if options.columns or options.constants:
            raise SpecError("--columns and --constants apply to CSV and parquet only; leave them out for a .pth file.")
        return read_published(path, space)
    if suffix not in COLUMNS:
        raise SpecError(f"{path} cannot be imported; allowed: {', '.join((*PUBLISHED, *COLUMNS))}.")
    return read_columns(path, Mapping.parse(options.columns, options.constants), space, options.licence)


def _command(options: argparse.Namespace) -> str:
    """The command without the folders of this machine."""
    parts = ["python", "-m", "autoprox.bench", "import", *(path.name for path in options.files)]
    parts += ["--space", *options.space] if options.space else []
    parts += ["--columns", *options.columns] if options.columns else []
    parts += ["--constants", *options.constants] if options.constants else []
    parts += ["--skip-invalid"] if options.skip_invalid else []
    return shlex.join([*parts, "--out", options.out.name])
