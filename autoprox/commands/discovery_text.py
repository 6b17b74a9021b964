"""Output of `evolve`: the verdict first, at most 80 columns; blocks and details with --verbose."""

import shlex
from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np

from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split
from autoprox.bench.verdict import Verdict
from autoprox.commands.console import interval, number, say, say_field, say_text, say_written, text_table, warn
from autoprox.evolve import PROXY_ROW, ZOO_ROW, Discovery, ProxyForm, verdict_sentence
from autoprox.evolve.selection import EnsembleTrial

_MOST_FILES = 3


def say_discovery(problem: Problem, discovery: Discovery, written: Sequence[Path], *, verbose: bool) -> None:
    """Prints a discovery.

    Args:
        problem: The problem that it solves.
        discovery: The discovery.
        written: The files that were written.
        verbose: Prints every block, split and form if true.
    """
    folder, outcome = written[0].parent, discovery.outcome
    say_text(f"Verdict: {verdict_sentence(discovery.proxy.results)}")
    say()
    say_field("proxy", discovery.proxy.brief)
    if verbose:
        for each in discovery.forms[:2]:
            if each.proxy.graph != discovery.proxy.graph:
                say_field(each.form.value, each.proxy.brief)
        say_field("needs", ", ".join(discovery.proxy.statistics))
    say_field("search", f"{outcome.evaluated:,} distinct valid candidates")
    if verbose:
        rejected = ", ".join(f"{count} {reason}" for reason, count in outcome.rejected.items()) or "none"
        say_field("rejected", rejected)
    say()
    say(text_table(_beside(discovery)))
    _say_given(discovery.proxy.results.get("given", ()))
    if verbose:
        say()
        say(text_table(_joints(discovery)))
        for split, verdicts in discovery.verdicts.items():
            say()
            say(text_table(_blocks(problem, split, verdicts)))
        say()
        for name, text in _details(problem, discovery):
            say_field(name, text)
    say()
    if blind := discovery.proxy.results["blind_to"]:
        warn(f"the proxy is blind to {' and '.join(blind)}: networks that differ only in this get identical scores")
    say_field("sealed", _sealed(discovery.sealed_scorings, folder))
    say_written(written, len(written) if verbose else _MOST_FILES)
    if (discovery.sealed_scorings or 0) > 1:
        warn("the sealed split was scored before; each scoring makes its figures less reliable")


def _sealed(scorings: int | None, folder: Path) -> str:
    if scorings is None:
        return f"not scored; once all choices are made, run: {shlex.join(['autoprox', 'judge', str(folder)])}"
    return f"scored {scorings} time{'s' if scorings > 1 else ''} on this table by this user, this run included"


def _beside(discovery: Discovery) -> list[dict[str, str]]:
    """One row per form and rival on the deciding split: tau-b, tau-a, nDCG of the first ten, and regret."""
    judged = discovery.verdicts[discovery.judged_on]
    rivals = [each.rival for each in discovery.margins]
    forms = [each.form.value for each in discovery.forms if each.form.value in judged]
    shown = {PROXY_ROW: f"proxy ({discovery.proxy.results['form']})"} | {name: name for name in (*forms, *rivals)}
    if ZOO_ROW in shown:
        shown[ZOO_ROW] = f"{discovery.zoo} (zoo)"
    return [
        {
            f"on {discovery.judged_on}": title,
            "tau-b": number(judged[name].joint),
            "95 % interval": interval(judged[name].ci95),
            **{
                column: number(float(np.mean([getattr(each, field) for each in judged[name].blocks])))
                for column, field in (("tau-a", "tau_a"), ("nDCG@10", "ndcg"), ("regret", "regret"))
            },
        }
        for name, title in shown.items()
    ]


def _say_given(given: Sequence[Mapping[str, Any]]) -> None:
    """Prints one row per winner, with and without a teacher: its partial tau given each count."""
    rows: dict[str, dict[str, str]] = {}
    for each in given:
        name = "with the teacher" if each["row"] == PROXY_ROW else "without a teacher"
        row = rows.setdefault(each["row"], {"partial tau given": name})
        low, high = (np.nan if end is None else end for end in each["ci95"])
        row[each["count"]] = f"{number(np.nan if each['partial'] is None else each['partial'])} {interval((low, high))}"
    if rows:
        say()
        say(text_table(list(rows.values())))


def _joints(discovery: Discovery) -> list[dict[str, str]]:
    """One row per proxy, form and rival: its joint correlation on each split."""
    names = dict.fromkeys(name for verdicts in discovery.verdicts.values() for name in verdicts)
    return [
        {
            "joint tau": name,
            **{
                split.value: number(verdicts[name].joint) if name in verdicts else ""
                for split, verdicts in discovery.verdicts.items()
            },
        }
        for name in names
    ]


def _blocks(problem: Problem, split: Split, verdicts: Mapping[str, Verdict]) -> list[dict[str, str]]:
    """One row for the joint correlation and one per block: proxy, and the best rivals that fit on a line."""
    proxy = verdicts[PROXY_ROW]
    counts = {name: verdict for name, verdict in verdicts.items() if name not in {PROXY_ROW, *ProxyForm}}
    counts = dict(sorted(counts.items(), key=lambda each: -np.nan_to_num(each[1].joint, nan=-np.inf))[:2])
    first = {
        split.value: "joint",
        PROXY_ROW: number(proxy.joint),
        "95 % interval": interval(proxy.ci95),
        "iso": "",
        "size": "",
        **{name: number(verdict.joint) for name, verdict in counts.items()},
    }
    return [first] + [
        {
            split.value: f"{block.space} {block.dataset}",
            PROXY_ROW: number(own.kendall),
            "95 % interval": interval(own.ci95),
            "iso": number(own.iso, 2),
            "size": number(own.partial, 2),
            **{name: number(verdict.blocks[index].kendall) for name, verdict in counts.items()},
        }
        for index, (block, own) in enumerate(zip(problem.blocks, proxy.blocks, strict=True))
    ]


def _details(problem: Problem, discovery: Discovery) -> Iterator[tuple[str, str]]:
    yield "columns", "iso: tau among architectures of one size; size: partial tau given the number of parameters"
    for where, text in _effects(discovery.proxy.results["effects"]).items():
        yield "varied", f"{where}: {text}"
    yield "ensemble", _together(discovery.ensemble)
    agreement = number(discovery.init_agreement)
    yield "init", f"tau of the proxy with itself between two initialisations, on select: {agreement}"
    parts = Counter(problem.table.splits()[each] for each in {i for block in problem.blocks for i in block.arch_ids})
    yield "archs", ", ".join(f"{split.value} {parts[split]}" for split in Split)


def _together(trial: EnsembleTrial) -> str:
    return (
        f"the mean rank of the {trial.members} fittest reaches {number(trial.joint)} on select; the best member,"
        f" which was chosen there, reaches {number(trial.best)}; 95 % interval of the difference {interval(trial.ci95)}"
    )


def _effects(effects: Sequence[Mapping[str, Any]]) -> dict[str, str]:
    """Effects on the score of varying one property, by network."""
    found: dict[str, list[str]] = {}
    for each in effects:
        fixed = f" at {each['fixed']}" if each["fixed"] else ""
        found.setdefault(each["where"], []).append(f"{each['varied']}{fixed} {each['effect']}")
    return {where: ", ".join(texts) for where, texts in found.items()}
