"""`python -m autoprox.regression`: fits a readable regression of accuracy to a table's labels, and explains it."""

import argparse
import time
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.base.errors import SpecError, TableError
from autoprox.base.figures import write_figure
from autoprox.base.files import require_writable, write_json
from autoprox.bench.block import Block
from autoprox.bench.problem import Problem
from autoprox.commands.arch_option import add_arch, given_arch
from autoprox.commands.command import Command, CommandParser, run_part
from autoprox.commands.common_options import add_figures, add_fit, add_json
from autoprox.commands.console import note, number, say, say_json, say_text, text_table
from autoprox.commands.outfile import require_free
from autoprox.commands.problem_options import add_problem_options, problem_of
from autoprox.commands.record import read_record, record_beside, run_record
from autoprox.commands.values import Text
from autoprox.metrics import kendall_tau_b
from autoprox.predict import ArchRegression, RegressionProxy, agreement_figure, coefficient_figure
from autoprox.spaces import Arch, load_space

_FEWEST = 6
"""Fewest architectures of a fit."""
FIGURES = ("coefficients", "predictions")
FOLDS = 10
"""Folds of the cross-validation."""


def _add_options(top: CommandParser) -> None:
    commands = top.add_subparsers(dest="command", required=True)
    fit = commands.add_parser(
        "fit",
        help="fit a regression to the labels of a table",
        description="Fits a linear regression on features of architectures to the labels of a table, one per space, "
        "and prints coefficients, errors and tests.",
        examples=(
            "regression fit --out runs/regression.json",
            "regression fit --spaces pit-micro --splits fit select --out runs/pit.json --figures runs/figures",
        ),
    )
    add_problem_options(fit)
    add_fit(fit, "regression", "runs/regression-TABLE.json")
    add_figures(fit)
    fit.set_defaults(run=_fit)
    show = commands.add_parser(
        "show",
        help="print a regression, or split a prediction into terms",
        description="Prints the coefficients of a regression, or splits a prediction into terms.",
        examples=(
            "regression show runs/regression.json",
            'regression show runs/regression.json --space pit-micro --arch \'{"base_dim": 8, "mlp_ratio": 2, '
            '"depth": [1, 2, 1], "num_heads": [2, 2, 4]}\'',
        ),
    )
    show.add_argument("model", metavar="FILE", help="file of regression fit", type=Text(files=True))
    show.add_argument("--space", metavar="S", help="the space of --arch, by name or as my_file.py:space", type=Text())
    add_arch(show, "architecture to explain")
    show.set_defaults(run=_show)
    for each in (fit, show):
        add_json(each)


def _fit(options: argparse.Namespace) -> int:
    started = time.monotonic()
    problem = problem_of(options)
    table = problem.table
    out = options.out or Path("runs") / f"regression-{table.name}.json"
    require_free([out, *_figure_files(options, problem)], force=options.force)
    read_record(record_beside(out))  # refuses one that autoprox did not write
    for folder in (out.parent, options.figures):
        if folder is not None:
            require_writable(folder)
    kept = {arch_id for arch_id, split in table.splits().items() if split.value in options.splits}
    blocks = [block.restricted(kept) for block in problem.blocks]
    fitted: list[ArchRegression] = []
    judged: dict[str, tuple[Floats, Floats]] = {}
    for name in dict.fromkeys(block.space for block in blocks):
        arch_ids, goodness = mean_goodness([block for block in blocks if block.space == name])
        if len(arch_ids) < _FEWEST:
            raise TableError(
                f"The space '{name}' has {len(arch_ids)} architectures to learn from; at least {_FEWEST} are needed."
            )
        archs = [table.archs[arch_id] for arch_id in arch_ids]
        fitted.append(ArchRegression(table.spaces[name]).fit(archs, goodness))
        judged[name] = goodness, out_of_fold(fitted[-1], archs, goodness)
    provenance = {
        "table": table.name,
        "table_digest": table.digest,
        "blocks": [block.name for block in blocks],
        "splits": options.splits,
        "arch_ids": sorted({arch_id for block in blocks for arch_id in block.arch_ids}),
    }
    proxy = RegressionProxy.of(out.stem, fitted, provenance)
    proxy.save(out)
    write_json(run_record(options, started, {"table": table.digest, "model": proxy.identity}), record_beside(out))
    if options.figures:
        _write_figures(options.figures, fitted, judged)
    taus = {name: float(kendall_tau_b(found[None], true)[0]) for name, (true, found) in judged.items()}
    if options.json:
        say_json({"model": str(out), "held_out_kendall": taus, "spaces": _summaries(proxy)})
        return 0
    for name, tau in taus.items():
        say_text(f"{name}: Kendall {number(tau)} in {FOLDS}-fold cross-validation; {proxy.summary(name)}")
        say()
    say(f"written to {out}")
    return 0


def mean_goodness(blocks: Sequence[Block]) -> tuple[list[str], Floats]:
    """Architectures common to all blocks, and their mean goodness over the blocks in label units."""
    places = [{arch_id: place for place, arch_id in enumerate(block.arch_ids)} for block in blocks]
    shared = [arch_id for arch_id in blocks[0].arch_ids if all(arch_id in each for each in places)]
    columns = [
        [block.goodness[place[arch_id]] for arch_id in shared] for block, place in zip(blocks, places, strict=True)
    ]
    return shared, np.mean(np.asarray(columns, dtype=np.float64), axis=0)


def out_of_fold(regression: ArchRegression, archs: Sequence[Arch], goodness: Floats) -> Floats:
    """Out-of-fold predictions: each architecture by a regression that was fitted without its fold."""
    found = np.empty(len(archs))
    order = np.random.default_rng(0).permutation(len(archs))
    for held_out in np.array_split(order, min(FOLDS, len(archs))):
        kept = np.setdiff1d(order, held_out)
        fitted = ArchRegression(regression.space).fit([archs[place] for place in kept], goodness[kept])
        found[held_out] = fitted.predict([archs[place] for place in held_out])
    return found


def _figure_files(options: argparse.Namespace, problem: Problem) -> list[Path]:
    """Paths of the requested figures; empty without --figures."""
    if options.figures is None:
        return []
    spaces = {block.space for block in problem.blocks}
    return [_figure_file(options.figures, name, kind) for name in sorted(spaces) for kind in FIGURES]


def _figure_file(folder: Path, space: str, kind: str) -> Path:
    return folder / f"{space}-{kind}.png"


def _write_figures(folder: Path, fitted: Sequence[ArchRegression], judged: Mapping[str, tuple[Floats, Floats]]) -> None:
    names = []
    for each in fitted:
        figures = {
            FIGURES[0]: coefficient_figure(each.model, "goodness"),
            FIGURES[1]: agreement_figure(*judged[each.space.name], "goodness"),
        }
        for kind, figure in figures.items():
            names.append(_figure_file(folder, each.space.name, kind).name)
            write_figure(figure, folder / names[-1])
    note(f"figures: {', '.join(names)} in {folder}")


def _summaries(proxy: RegressionProxy) -> dict[str, Any]:
    return {name: proxy.summary(name).to_document() for name in proxy.documents}


def _show(options: argparse.Namespace) -> int:
    proxy = RegressionProxy.load(options.model)
    if options.arch is None:
        if options.json:
            say_json({"model": proxy.name, "spaces": _summaries(proxy)})
            return 0
        for name in proxy.documents:
            say_text(f"{name}: {proxy.summary(name)}")
        return 0
    name = options.space or next(iter(proxy.documents))
    if options.space is None and len(proxy.documents) > 1:
        raise SpecError(f"'{options.model}' knows {', '.join(proxy.documents)}; name the space of --arch with --space.")
    space = load_space(name)
    arch = given_arch(space, options.arch)
    parts = proxy.regression(space).explain(arch)
    if options.json:
        say_json({"arch": arch.genes, "prediction": float(parts.sum()), "terms": parts.to_dict()})
        return 0
    say(f"prediction {parts.sum():.4g}; contributions of the terms, added to the mean:")
    order = [parts.index[0], *parts.iloc[1:].abs().sort_values(ascending=False, kind="stable").index]
    say(text_table([{"term": str(term), "adds": f"{parts[term]:+.3g}"} for term in order]))
    return 0


COMMAND = Command(
    "regression",
    "Fits a readable regression of accuracy on features of architectures (FOX-NAS), and explains it.",
    (
        "regression fit --bench vitbench101 --out runs/regression.json",
        "regression show runs/regression.json",
        "evaluate --proxy runs/regression.json snip params",
    ),
    _add_options,
    run_part,
)
