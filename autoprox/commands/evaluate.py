"""`python -m autoprox.evaluate`: judges proxies on a benchmark table."""

import argparse
from collections.abc import Sequence
from typing import Any

import numpy as np

import autoprox
from autoprox.bench.sealed import count_sealed
from autoprox.bench.splits import Split
from autoprox.commands.console import interval, network_bar, note, number, run_command, say, say_json, text_table
from autoprox.commands.problem import add_problem_options, problem_of
from autoprox.errors import SpecError
from autoprox.graph import Evaluator, Judge, LeafTable, Problem, Proxy, Verdict, collect_leaves, count_scores
from autoprox.statistics import StatisticsCache

_EXAMPLES = """examples:
  python -m autoprox.evaluate --proxy snip grad_norm
  python -m autoprox.evaluate --proxy runs/vitbench101-seed0/best.json --split select --json
"""

_SPLITS = {**{split.value: (split,) for split in Split}, "all": tuple(Split)}


def parser() -> argparse.ArgumentParser:
    """The options of the command."""
    options = argparse.ArgumentParser(
        prog="python -m autoprox.evaluate",
        description="Judges proxies on a benchmark table beside what counting alone gives.",
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    options.add_argument(
        "--proxy", nargs="+", required=True, metavar="P", help="best.json files, or names of shipped or zoo proxies"
    )
    add_problem_options(options)
    options.add_argument(
        "--split", choices=list(_SPLITS), default=Split.SELECT.value, help="architectures to use (default: %(default)s)"
    )
    options.add_argument("--json", action="store_true", help="print one JSON object")
    return options


def main(arguments: Sequence[str] | None = None) -> int:
    """Runs the command and returns its exit status."""
    options = parser().parse_args(arguments)
    return run_command(lambda: _evaluate(options))


def _evaluate(options: argparse.Namespace) -> int:
    proxies = _proxies(options.proxy)
    problem = problem_of(options)
    splits = _SPLITS[options.split]
    judge = problem.judge(*splits)
    if Split.SEALED in splits:
        times = count_sealed(problem.table.digest)
        note(f"the sealed split of this table has now been scored {times} time(s) by this user")
    leaves = list(dict.fromkeys(leaf for proxy in proxies.values() for leaf in proxy.graph.node_leaves))
    cache = StatisticsCache()
    collected = collect_leaves(judge.networks, leaves, cache, jobs=options.jobs, progress=network_bar)
    signs = np.array([proxy.sign for proxy in proxies.values()], dtype=np.float64)
    scores = signs[:, None] * Evaluator(LeafTable(collected)).scores([proxy.graph for proxy in proxies.values()])
    counts = count_scores(judge.networks)
    verdicts = judge.verdicts(np.concatenate([scores, np.array(list(counts.values()))]))
    _warn_undefined(judge, proxies, scores)
    by_name = dict(zip(proxies, verdicts, strict=False))
    baselines = dict(zip(counts, verdicts[len(proxies) :], strict=True))
    if options.json:
        say_json(_document(problem.table.name, judge, options.split, by_name, baselines))
    else:
        _print(problem, judge, options.split, by_name, baselines)
    return 0


def _proxies(names: Sequence[str]) -> dict[str, Proxy]:
    """Proxies under the names they were asked for.

    Raises:
        SpecError: If a name is given twice.
    """
    twice = sorted({name for name in names if list(names).count(name) > 1})
    if twice:
        raise SpecError(f"--proxy names '{twice[0]}' more than once; give each proxy once.")
    return {name: autoprox.load(name) for name in names}


def _warn_undefined(judge: Judge, proxies: dict[str, Proxy], scores: np.ndarray) -> None:
    for name, row in zip(proxies, scores, strict=True):
        missing = int((~np.isfinite(row)).sum())
        if missing:
            note(
                f"'{name}' has no finite value on {missing} of {len(judge.networks)} networks;"
                " its correlation with the blocks they belong to is undefined"
            )


def _document(
    bench: str, judge: Judge, split: str, proxies: dict[str, Verdict], baselines: dict[str, Verdict]
) -> dict[str, Any]:
    return {
        "bench": bench,
        "split": split,
        "proxies": {name: verdict.to_document(judge.blocks) for name, verdict in proxies.items()},
        "baselines": {name: verdict.to_document(judge.blocks) for name, verdict in baselines.items()},
    }


def _print(
    problem: Problem, judge: Judge, split: str, proxies: dict[str, Verdict], baselines: dict[str, Verdict]
) -> None:
    rows = []
    for name, verdict in {**proxies, **baselines}.items():
        rows.append(
            {
                "scorer": name,
                "block": "joint",
                "n": "",
                "kendall": number(verdict.joint),
                "95 % interval": interval(verdict.ci95),
                "spearman": "",
                "iso": "",
                "given params": "",
            }
        )
        rows += [
            {
                "scorer": "",
                "block": f"{block.space} {block.dataset}",
                "n": str(len(block.arch_ids)),
                "kendall": number(own.kendall),
                "95 % interval": interval(own.ci95),
                "spearman": number(own.spearman),
                "iso": number(own.iso),
                "given params": number(own.partial),
            }
            for block, own in zip(judge.blocks, verdict.blocks, strict=True)
        ]
    first = problem.blocks[0]
    say(f"{problem.table.name}, split {split}, labels {first.label_kind}, {first.metric}")
    say(text_table(rows))
