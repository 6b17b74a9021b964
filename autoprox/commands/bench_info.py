"""`python -m autoprox.bench info` and `check`: contents of a table, noise of its labels, and its faults."""

import argparse
from typing import TYPE_CHECKING, Any

from autoprox.bench.quality import blocks_of
from autoprox.bench.schema import BLOCK_COLUMNS, ISO_BUDGET_FACTORS
from autoprox.bench.sealed import sealed_count
from autoprox.bench.splits import Split
from autoprox.bench.table import DEFAULT_TABLE, Table, findings
from autoprox.commands.common_options import TABLE, add_json, add_metric, add_spaces_of_table
from autoprox.commands.console import interval, note, number, say, say_field, say_json, say_text, text_table, warn
from autoprox.commands.outfile import require_free
from autoprox.commands.streams import USER_ERROR
from autoprox.commands.values import PathTo
from autoprox.spaces import load_space

if TYPE_CHECKING:
    from argparse import _SubParsersAction

    from autoprox.commands.command import CommandParser

LEGEND = (
    "ceiling, with its 95 % interval: Kendall tau that a perfect score can be expected to reach with these noisy "
    "labels, estimated from the agreement of two single seeds (seed tau). params: tau of the number of parameters. "
    "best count: the count with the highest tau. --verbose shows how the table was made."
)


def add_info(commands: "_SubParsersAction[CommandParser]") -> None:
    """Adds the command `info`."""
    parser = commands.add_parser(
        "info",
        help="show the contents of a table and the noise of its labels",
        description="Prints how a table was made and, for each block, the number of architectures, the spread of their "
        "labels, the agreement of single seeds, the ceiling (the expected Kendall tau of a perfect score with the mean "
        "of the seeds) and the tau of the best count; the same for the iso stratum.",
        examples=("bench info", "bench info my/table.parquet --plot table.png --metric nll", "bench info --json"),
    )
    _add_table(parser)
    add_json(parser)
    parser.add_argument("--verbose", action="store_true", help="also print how the table was made")
    parser.add_argument(
        "--plot",
        type=PathTo(written=True),
        metavar="FILE",
        help="draw size against label, one panel per block: .png or .svg",
    )
    parser.add_argument("--force", action="store_true", help="replace the file of --plot if it exists")
    add_metric(parser, "metric of the figure")
    parser.set_defaults(run=_info)


def add_check(commands: "_SubParsersAction[CommandParser]") -> None:
    """Adds the command `check`."""
    parser = commands.add_parser(
        "check",
        help="check a table for faults",
        description="Checks the rows of a table, its manifest and its batches. Lists every fault with its row, counted "
        "from 0, and exits with 2 if there is one. Values that are possible but implausible are warnings.",
        examples=("bench check my/table.parquet", "bench check my/table.parquet --json"),
    )
    _add_table(parser)
    add_json(parser)
    parser.add_argument("--verbose", action="store_true", help="list each row with a fault")
    parser.set_defaults(run=_check)


def _add_table(parser: argparse.ArgumentParser) -> None:
    parser.add_argument(
        "table",
        nargs="?",
        default=DEFAULT_TABLE,
        metavar="TABLE",
        help="path or name (default: %(default)s)",
        type=TABLE,
    )
    add_spaces_of_table(parser)


def _check(options: argparse.Namespace) -> int:
    faults, doubts = findings(options.table, [load_space(reference) for reference in options.space])
    if options.json:
        entries = [entry for fault in faults for entry in fault.entries()]
        say_json({"table": options.table, "faults": entries, "doubts": doubts})
    else:
        lines = [line for fault in faults for line in fault.lines()]
        for line in lines if options.verbose else [line for fault in faults for line in fault.folded()]:
            say_text(line, 2)
        for doubt in doubts:
            warn(doubt)
        say(f"{options.table}: {len(lines) or 'no'} fault{'s' if len(lines) > 1 else ''}")
    return USER_ERROR if faults else 0


def _info(options: argparse.Namespace) -> int:
    if options.plot is not None:
        require_free([options.plot], force=options.force)
    table = Table.read(options.table, spaces=[load_space(reference) for reference in options.space])
    blocks = blocks_of(table.frame, table.spaces)
    if options.plot is not None:
        # Imported here because the import takes a second, and few calls draw a figure.
        from autoprox.bench.table_figure import plot

        plot(table, blocks, options.plot, options.metric)
    if options.json:
        say_json(_document(table, blocks))
    else:
        _print(table, blocks, verbose=options.verbose)
    if options.plot is not None:
        note(f"wrote {options.plot}")
    return 0


def _document(table: Table, blocks: list[dict[str, Any]]) -> dict[str, Any]:
    return {
        "table": table.name,
        "digest": table.digest,
        "architectures": {name: _archs_of(table, name) for name in table.spaces},
        "labels": len(table.frame),
        "num_classes": table.num_classes,
        "notes": table.notes,
        "doubts": table.doubts,
        "splits": _split_sizes(table),
        "sealed_scorings": sealed_count(table.digest),
        "manifest": {key: value for key, value in table.manifest.items() if key not in ("blocks", "splits")},
        "blocks": blocks,
    }


def _print(table: Table, blocks: list[dict[str, Any]], *, verbose: bool) -> None:
    for name, text in [*_contents(table), *(_making(table.manifest) if verbose else [])]:
        say_field(name, text)
    for remark in table.notes:
        note(remark)
    for doubt in table.doubts:
        warn(doubt)
    for block in blocks:
        say(f"\n{', '.join(block[name] for name in BLOCK_COLUMNS)}")
        parts = [part for part in ("all", *ISO_BUDGET_FACTORS) if part in block]
        say(text_table([_summary(part, block[part]) for part in parts]))
    say()
    say_text(LEGEND)


def _contents(table: Table) -> list[tuple[str, str]]:
    """Contents of the table, one line each."""
    spaces = []
    for name in table.spaces:
        found = _archs_of(table, name)
        iso = f", {found['iso']} of them of one size (iso)" if found["iso"] else ""
        low, high = found["backbone_params"]
        spaces.append(f"{name}: {found['all']} architectures of {low:,} to {high:,} backbone parameters{iso}")
    sizes = ", ".join(f"{name} {count}" for name, count in _split_sizes(table).items())
    scorings = sealed_count(table.digest)
    classes = ", ".join(f"{name} ({table.num_classes[name]} classes)" for name in table.datasets)
    return [
        ("table", f"{table.name}: {len(table.archs)} architectures, {len(table.frame)} labels, digest {table.digest}"),
        *[("space", text) for text in spaces],
        ("data sets", classes),
        ("labels", f"{', '.join(table.label_kinds)}; {', '.join(table.metrics)}"),
        ("splits", f"{sizes}; sealed was scored {scorings} time{'' if scorings == 1 else 's'} by this user"),
    ]


def _making(manifest: dict[str, Any]) -> list[tuple[str, str]]:
    """Rows on how the table was made, as far as its manifest states it."""
    rows = []
    if "command" in manifest:
        rows.append(("made by", str(manifest["command"])))
    if "imported" in manifest:
        rows += [("from", f"{each['file']} ({each['form']})") for each in manifest["imported"]]
        rows.append(("licence", str(manifest.get("licence", "unstated"))))
    if "recipe" in manifest:
        values = {key: value for key, value in manifest["recipe"].items() if not isinstance(value, dict)}
        rows.append(("recipe", ", ".join(f"{key} {value}" for key, value in values.items())))
    rows += [("images", f"{name}: {found['licence']}") for name, found in manifest.get("images", {}).items()]
    if "time" in manifest:
        time = manifest["time"]
        rows.append(("time", f"{time['core_hours']} core hours, median {time['median_s']} s per training"))
    if "versions" in manifest:
        rows.append(("versions", ", ".join(f"{name} {each}" for name, each in manifest["versions"].items())))
    if "failed_runs" in manifest:
        failed = manifest["failed_runs"]
        rows.append(("failed runs", "none" if not failed else str(len(failed))))
        rows += [("", _failed(run)) for run in failed]
    if manifest.get("skipped"):
        rows.append(("skipped", f"{len(manifest['skipped'])}"))
        rows += [("", text) for text in manifest["skipped"]]
    return rows


def _failed(run: dict[str, Any]) -> str:
    what = f"{run['space']} {run['arch_id']}, {run['dataset']}, {run['label_kind']}, seed {run['train_seed']}"
    return f"{what}: {run['reason']}"


def _archs_of(table: Table, space_name: str) -> dict[str, Any]:
    """Numbers of architectures of a space and of its iso stratum, and the range of their sizes."""
    owner, archs = table.spaces[space_name], [arch for arch in table.archs.values() if arch.space == space_name]
    rows = table.frame[(table.frame["space"] == space_name) & table.frame["stratum"].isin(list(ISO_BUDGET_FACTORS))]
    sizes = [owner.backbone_params(arch) for arch in archs]
    return {"all": len(archs), "iso": rows["arch_id"].nunique(), "backbone_params": [min(sizes), max(sizes)]}


def _split_sizes(table: Table) -> dict[str, int]:
    assigned = list(table.splits().values())
    return {part.value: assigned.count(part) for part in Split}


def _summary(part: str, described: dict[str, Any]) -> dict[str, str]:
    """The columns of `info` for one block or its iso stratum."""
    spread, bounds = described["spread"], described["ceiling_ci95"]
    taus = {name: tau for name, tau in described["count_taus"].items() if tau is not None}
    best = max(taus, key=lambda name: abs(taus[name]), default=None)
    return {
        "archs": f"{part} {described['n']}",
        **{name: f"{spread[name]:#.3g}".rstrip(".") for name in ("min", "median", "max")},
        "seeds": "-" if described["seeds"] is None else f"{described['seeds']:.2g}",
        "seed tau": _optional(described["seed_tau"]),
        "ceiling": " ".join([_optional(described["ceiling"]), *([interval((bounds[0], bounds[1]))] if bounds else [])]),
        "params": _optional(described["count_taus"]["params_count"]),
        "best count": "-" if best is None else f"{best.removesuffix('_count')} {number(taus[best], 2)}",
    }


def _optional(value: float | None) -> str:
    return "-" if value is None else number(value, 2)
