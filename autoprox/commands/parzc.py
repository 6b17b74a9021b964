"""`python -m autoprox.parzc`: fits a learned aggregator of node statistics, predicts with it, and judges it."""

import argparse
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

import numpy as np
from matplotlib.figure import Figure

from autoprox.base.arrays import Floats
from autoprox.base.digest import bytes_digest, derived_seed
from autoprox.base.errors import SpecError, TableError
from autoprox.base.figures import write_figure
from autoprox.base.files import require_writable, write_json
from autoprox.base.progress import with_progress
from autoprox.bench.block import Block
from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split
from autoprox.bench.verdict import finite_or_none
from autoprox.commands.command import Command, CommandParser, run_part
from autoprox.commands.common_options import add_figures, add_fit, add_json, add_seed
from autoprox.commands.console import network_bar, note, number, say, say_json, say_text, text_table, warn
from autoprox.commands.evaluate import judged_with, named_proxies, say_judgement
from autoprox.commands.names import SCORER
from autoprox.commands.outfile import require_free
from autoprox.commands.parzc_report import FIGURES, evaluate_page, figures_of, fit_page, out_of_fold, possible
from autoprox.commands.problem_options import add_problem_options, add_split_option, problem_of, splits_of
from autoprox.commands.record import read_record, record_beside, run_record
from autoprox.commands.values import PathTo, Text, Whole
from autoprox.metrics import joint, kendall_tau_b
from autoprox.predict.parzc import DEFAULT_STATISTICS, LOSSES, LearnedProxy, MABNRegressor, NodeFeatures, features
from autoprox.predict.parzc.estimator import VARIANTS
from autoprox.report import LearningCurve, Predictions, write_page

_DRAWS = 3
"""Fits of each size of a learning curve."""

_FEWEST = 6
"""Fewest architectures of a block for a fit; with fewer, none can be held out."""


def _add_options(top: CommandParser) -> None:
    commands = top.add_subparsers(dest="command", required=True)
    fit = commands.add_parser(
        "fit",
        help="fit a model to the labels of a table",
        description="Fits an ensemble of networks to the labels of a table, and reports its Kendall tau on held-out "
        "architectures.",
        examples=(
            "parzc fit --out runs/parzc.pt",
            "parzc fit --spaces pit-micro --splits fit select --loss diffkendall mse --seed 1 --out runs/pit.pt",
            "parzc fit --out runs/parzc.pt --report runs/fit.html --learning-curve 16 32 64",
        ),
    )
    add_problem_options(fit)
    add_fit(fit, "model", "runs/parzc-TABLE.pt")
    fit.add_argument(
        "--train", type=Whole(1), metavar="N", help="learn from N architectures per block, drawn by --seed"
    )
    fit.add_argument(
        "--statistics",
        nargs="+",
        default=list(DEFAULT_STATISTICS),
        metavar="E",
        help="expressions that give one float per linear node (default: snip, grad_norm, synflow and four counts)",
        type=Text(),
    )
    fit.add_argument(
        "--loss", nargs="+", choices=list(LOSSES), default=["diffkendall"], help="loss; several are added up"
    )
    fit.add_argument("--variant", choices=VARIANTS, default=VARIANTS[0], help="type of layers (default: %(default)s)")
    add_seed(fit)
    fit.set_defaults(run=_fit)
    predict = commands.add_parser(
        "predict",
        help="predict the labels of a table's architectures",
        description="Predicts the labels of a table's architectures, each with its standard deviation.",
        examples=("parzc predict --model runs/parzc.pt --split select", "parzc predict --model runs/parzc.pt --json"),
    )
    predict.set_defaults(run=_predict)
    judge = commands.add_parser(
        "evaluate",
        help="compare a model with counts, and test its intervals",
        description="Judges the ranking of a table's architectures by a model, compares it with plain counts, and "
        "measures the share of labels inside its intervals.",
        examples=(
            "parzc evaluate --model runs/parzc.pt --report runs/parzc.html",
            "parzc evaluate --model runs/parzc.pt --split sealed --figures runs/figures",
        ),
    )
    judge.set_defaults(run=_evaluate)
    for each in (predict, judge):
        each.add_argument(
            "--model",
            required=True,
            metavar="FILE",
            help="model of parzc fit",
            type=Text(files=True),
        )
        add_problem_options(each)
        add_split_option(each)
    judge.add_argument(
        "--beside",
        nargs="+",
        default=[],
        metavar="P",
        help="further scorers for comparison, such as a regression.json",
        type=SCORER,
    )
    fit.add_argument(
        "--learning-curve",
        nargs="+",
        type=Whole(1),
        metavar="N",
        help=f"for the report: also fit {_DRAWS} times with N labels per block each, and judge these models on select",
    )
    for each in (fit, judge):
        add_figures(each)
        each.add_argument(
            "--report", type=PathTo(written=True), metavar="FILE", help="write a report into this HTML file"
        )
    judge.add_argument("--verbose", action="store_true", help="print every block")
    for each in (fit, predict, judge):
        add_json(each)


def mixture(share: float) -> str:
    """Sentence on the shares of the two paths in a prediction."""
    if share == 0:
        return "The network adds nothing on held-out folds: predictions are from the linear path alone."
    return (
        f"Each prediction is the linear path plus {share:.2f} times the network:"
        " the share that predicts held-out folds best."
    )


def _fit(options: argparse.Namespace) -> int:
    started = time.monotonic()
    problem = problem_of(options)
    _check_curve(options, problem)
    out = options.out or Path("runs") / f"parzc-{problem.table.name}.pt"
    require_free([out], force=options.force)
    read_record(record_beside(out))  # refuses one that autoprox did not write
    require_writable(out.parent)
    _try_writing(options, "fit")
    blocks = _drawn(_within(problem, [Split(name) for name in options.splits]), options.train, options.seed)
    data = _features(problem, blocks, options.statistics, options)
    model = _model(options, data, options.seed)
    start = time.monotonic()
    targets, groups = data.labels
    model.fit(data.values, targets, groups)
    seconds = time.monotonic() - start
    provenance = {
        "table": problem.table.name,
        "table_digest": problem.table.digest,
        "blocks": [block.name for block in blocks],
        "splits": options.splits,
        "seed": options.seed,
        "init_seeds": options.init_seeds,
        "arch_ids": sorted(set(data.arch_ids)),
    }
    proxy = LearnedProxy.of(out.stem, model, data, provenance)
    proxy.save(out)
    digests = {"table": problem.table.digest, "model": bytes_digest(out.read_bytes())}
    write_json(run_record(options, started, digests, fit_seconds=round(seconds, 3)), record_beside(out))
    taus = {block.name: _tau(model.out_of_fold_mean_[groups == block.name], block.goodness) for block in blocks}
    sizes = {block.name: len(block) for block in blocks}
    if options.figures:
        _write_figures(options.figures, "fit", figures_of(proxy, out_of_fold(proxy, data)))
        write_json(run_record(options, started, digests), record_beside(options.figures / "fit"))
    if options.report:
        write_page(options.report, fit_page(options, proxy, data, _curve(options, problem, data), seconds))
        note(f"report: {options.report}")
    if options.json:
        held_out = {name: finite_or_none(tau) for name, tau in taus.items()}
        found = {"model": str(out), "architectures": sizes, "seconds": seconds, "network_share": model.network_share_}
        say_json(found | {"held_out_kendall": held_out})
        return 0
    rows = [{"block": name, "n": str(sizes[name]), "held-out kendall": number(tau)} for name, tau in taus.items()]
    say(f"fitted in {seconds:.1f} s on {problem.table.name}, split {' + '.join(options.splits)}; written to {out}")
    if any(member.path is not None for member in model.members_):
        say_text(mixture(model.network_share_))
    say(text_table(rows))
    say_text(f"Next: autoprox parzc evaluate --model {out} judges it on the select split beside counts.")
    return 0


def _predict(options: argparse.Namespace) -> int:
    proxy = LearnedProxy.load(options.model)
    problem = problem_of(options)
    blocks = _within(problem, splits_of(options.split))
    data = _features(problem, blocks, proxy.statistics, options)
    mean, std, known = _predictions(proxy, data)
    if not known:
        note("the model was not fitted on these blocks: predictions are in standard deviations")
    rows = [
        {"block": group, "arch_id": arch_id, "predicted": float(value), "std": float(spread)}
        for group, arch_id, value, spread in zip(data.labels[1], data.arch_ids, mean, std, strict=True)
    ]
    if options.json:
        say_json({"bench": problem.table.name, "predictions": rows})
    else:
        say(text_table([{key: _text(value) for key, value in row.items()} for row in rows]))
    return 0


def _evaluate(options: argparse.Namespace) -> int:
    started = time.monotonic()
    proxy = LearnedProxy.load(options.model)
    _try_writing(options, "evaluate")
    problem = problem_of(options)
    judgement = judged_with(options, problem, named_proxies([options.model, *options.beside]))
    say_judgement(options, problem, judgement)
    data = _features(problem, _within(problem, splits_of(options.split)), proxy.statistics, options)
    seen = set(proxy.provenance.get("arch_ids", ())) & set(data.arch_ids)
    warning = None
    if seen:
        warning = (
            f"{len(seen)} of the {len(set(data.arch_ids))} architectures were in the fit: this does not test the model"
        )
        warn(warning)
    targets, groups = data.labels
    mean, std, known = _predictions(proxy, data)
    found = Predictions(groups, targets, mean, std, known)
    if found.coverage is not None and not options.json:
        say(f"share of labels inside the 90 % interval: {found.coverage:.2f}")
    if options.figures:
        _write_figures(options.figures, "evaluate", figures_of(proxy, found))
        digests = {"table": problem.table.digest, "model": bytes_digest(Path(options.model).read_bytes())}
        write_json(run_record(options, started, digests), record_beside(options.figures / "evaluate"))
    if options.report:
        write_page(options.report, evaluate_page(options, problem, proxy, found, judgement, warning))
        note(f"report: {options.report}")
    return 0


def _try_writing(options: argparse.Namespace, prefix: str) -> None:
    """Checks before any computation that figures and report can be written."""
    if options.figures is not None:
        require_free((_figure_file(options.figures, prefix, name) for name in FIGURES), force=options.force)
        read_record(record_beside(options.figures / prefix))
        require_writable(options.figures)
    if options.report is not None:
        require_free([options.report], force=options.force)
        require_writable(options.report.parent)


def _figure_file(folder: Path, prefix: str, name: str) -> Path:
    return folder / f"{prefix}-{name}.png"


def _model(options: argparse.Namespace, data: NodeFeatures, seed: int, *, verbose: bool = True) -> MABNRegressor:
    """An unfitted model with the settings of the options.

    Raises:
        SpecError: If NumPy does not accept the seed.
    """
    if not 0 <= seed < 2**32:
        raise SpecError(f"--seed is {seed}; it must be from 0 to {2**32 - 1}.")
    return MABNRegressor(
        node_shape=data.node_shape,
        variant=options.variant,
        loss=options.loss[0] if len(options.loss) == 1 else options.loss,
        kl_weight=0.0 if options.variant == "released" else MABNRegressor().kl_weight,
        random_state=seed,
        verbose=verbose,
    )


def _check_curve(options: argparse.Namespace, problem: Problem) -> None:
    """Refuses an impossible learning curve before anything is written."""
    if options.learning_curve is None:
        return
    if not options.report:
        raise SpecError("--learning-curve is part of the report; give --report FILE.html as well.")
    if Split.SELECT in options.splits:
        raise SpecError("--learning-curve is judged on select, so --splits may not contain select; leave it out.")
    smallest = min(options.learning_curve)
    if smallest < _FEWEST:
        raise SpecError(f"--learning-curve has {smallest}; a fit needs at least {_FEWEST} labels per block.")
    most = min(len(block) for block in _within(problem, [Split.FIT]))
    if (largest := max(options.learning_curve)) > most:
        raise SpecError(f"--learning-curve has {largest}; the fit split has {most} labels in its smallest block.")


def _curve(options: argparse.Namespace, problem: Problem, data: NodeFeatures) -> LearningCurve | None:
    """Correlations on select of models with fewer labels, several draws per number of labels."""
    if options.learning_curve is None:
        return None
    blocks = _within(problem, [Split.FIT])
    select = _features(problem, _within(problem, [Split.SELECT]), options.statistics, options)
    select = select.aligned(data.nodes, data.statistics)
    targets, groups = select.labels
    spaces = [block.space for block in blocks]
    taus = np.empty((len(options.learning_curve), _DRAWS))
    for place in with_progress(np.ndindex(taus.shape), taus.size, "fit"):
        size, draw = options.learning_curve[place[0]], place[1]
        seed = derived_seed("learning curve", options.seed, draw)
        drawn = {(block.name, arch_id) for block in _drawn(blocks, size, seed) for arch_id in block.arch_ids}
        own = data.rows([pair in drawn for pair in zip(data.labels[1].tolist(), data.arch_ids, strict=True)])
        model = _model(options, own, options.seed, verbose=False).fit(own.values, *own.labels)
        mean = model.predict(select.values)
        by_block = [_tau(mean[groups == block.name], targets[groups == block.name]) for block in blocks]
        taus[place] = joint(by_block, spaces, problem.aggregate, problem.weights)
    return LearningCurve(options.learning_curve, taus, Split.SELECT.value)


def _within(problem: Problem, splits: Sequence[Split]) -> list[Block]:
    """The blocks of the problem, restricted to splits."""
    kept = {arch_id for arch_id, split in problem.table.splits().items() if split in splits}
    return [block.restricted(kept) for block in problem.blocks]


def _drawn(blocks: list[Block], wanted: int | None, seed: int) -> list[Block]:
    """The blocks with as many architectures as wanted, drawn at random; blocks of one space share their draw.

    Raises:
        TableError: If a block has fewer than wanted, or fewer than a fit needs.
    """
    drawn = []
    for block in blocks:
        number_of = len(block) if wanted is None else wanted
        if number_of < _FEWEST or number_of > len(block):
            raise TableError(
                f"The block {block.name} has {len(block)} architectures to learn from, and {number_of} were requested;"
                f" at least {_FEWEST} are needed. Change --train or --splits, or select other blocks."
            )
        order = sorted(block.arch_ids, key=lambda arch_id: derived_seed("train", seed, arch_id))
        drawn.append(block.restricted(set(order[:number_of])))
    return drawn


def _features(
    problem: Problem, blocks: Sequence[Block], statistics: Sequence[str], options: argparse.Namespace
) -> NodeFeatures:
    return features(
        problem.table,
        statistics,
        blocks=blocks,
        init_seeds=options.init_seeds,
        jobs=options.jobs,
        progress=network_bar,
    )


def _predictions(proxy: LearnedProxy, data: NodeFeatures) -> tuple[Any, Any, bool]:
    """Means, deviations, and True if they are in label units, since the model was fitted on all of the blocks."""
    groups = data.labels[1]
    known = set(groups) <= set(proxy.model.groups_)
    values = data.aligned(proxy.nodes, proxy.statistics).values
    mean, std = proxy.model.predict(values, return_std=True, groups=groups if known else None)
    return possible(mean, groups) if known else mean, std, known


def _tau(scores: Floats, target: Floats) -> float:
    return float(kendall_tau_b(scores[None], target)[0])


def _write_figures(folder: Path, prefix: str, figures: dict[str, Figure]) -> None:
    for name, figure in figures.items():
        write_figure(figure, _figure_file(folder, prefix, name))
    note(f"figures: {', '.join(f'{prefix}-{name}.png' for name in figures)} in {folder}")


def _text(value: str | float) -> str:
    return value if isinstance(value, str) else f"{value:.3f}"


COMMAND = Command(
    "parzc",
    "Fits a learned aggregator of node statistics (ParZC), predicts with it, and judges it.",
    (
        "parzc fit --bench vitbench101 --out runs/parzc.pt",
        "parzc evaluate --model runs/parzc.pt --report runs/parzc.html",
        "parzc predict --model runs/parzc.pt --split select",
        "evaluate --proxy runs/parzc.pt snip params",
    ),
    _add_options,
    run_part,
)
