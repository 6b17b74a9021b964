"""Judgement of scorers on a table, compared with plain counts."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import Any

import numpy as np
import pandas as pd
from torch import nn

from autoprox.api._bars import bar
from autoprox.api._given import problem, scorers_of
from autoprox.base.arrays import Floats
from autoprox.base.errors import SpecError
from autoprox.base.progress import Progress
from autoprox.bench import DEFAULT_TABLE, Judge, Problem, Split, Table, Verdict, statistics_of
from autoprox.bench.sealed import count_sealed
from autoprox.evolve import as_judged
from autoprox.graph import Proxy
from autoprox.networks.network import Network
from autoprox.scorers import Scorer, score_networks
from autoprox.spaces import Space
from autoprox.training import teachers_of

__all__ = ["Judgement", "judge", "judged"]

SPLITS: Mapping[str, tuple[Split, ...]] = {**{split.value: (split,) for split in Split}, "all": tuple(Split)}
"""Splits by name."""


@dataclass(frozen=True)
class Judgement:
    """Rank correlations of scorers and counts on the architectures of some splits.

    Args:
        judge: Judge of these splits.
        scores: Scores `(A,)`, by name of the count or scorer.
        proxies: Verdicts of scorers, by name.
        baselines: Verdicts of counts, by name.
        agreements: Tau of each scorer with itself between two initialisations.
        sealed_scorings: Number of scorings of the sealed split by this user; None if it was not scored now.
    """

    judge: Judge
    scores: dict[str, Floats]
    proxies: dict[str, Verdict]
    baselines: dict[str, Verdict]
    agreements: dict[str, float]
    sealed_scorings: int | None


def judge(
    scorers: Any,
    table: Table | str | Path = DEFAULT_TABLE,
    *,
    split: str = "select",
    spaces: Sequence[str | Space] | None = None,
    datasets: Sequence[str] | None = None,
    label_kind: str | None = None,
    images: Mapping[str, Path] | None = None,
    teacher: str | nn.Module | None = None,
    jobs: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """Judges scorers on a table, and the counts that any proxy has to beat.

    Args:
        scorers: A scorer, or a sequence of them: names and paths that `autoprox.load` knows, objects with
            `score(model, images, labels)`, or functions of these arguments.
        table: A table, the path of one, or the name of an embedded one.
        split: `fit`, `select`, `sealed` or `all`. A scoring of the sealed split is counted.
        spaces: Only these spaces of the table; all if None. Give your own space as an object or by its location
            (`my_file.py:space`).
        datasets: Only these data sets; all if None.
        label_kind: The label kind; `scratch` if None and the table has it.
        images: Folders with images to compute statistics on, by data set.
        teacher: Teacher of scorers that compare with one: one of `autoprox.training.TEACHERS`, for each data set; or
            one network for all of them, as a module or by its location (`my_file.py:model`).
        jobs: Number of processes.
        progress: Shows progress bars if true.

    Returns:
        For each scorer and count one row `joint` and one row per block. Columns: `scorer`, `block`, `n`
        (architectures), `kendall` (signed tau-b), `low` and `high` (95 % interval), `iso` (tau among architectures of
        one size), `given_params` (partial tau given the number of parameters). NaN where undefined.

    Raises:
        SpecError: If two scorers have the same name, there is no such split, or a scorer needs a teacher, or another
            one than the given.
        TableError: If the table is missing or invalid, or has no such block.
        RegistryError: If there is no such scorer.
        CollectionError: If a scorer cannot be computed on a network of the table.

    Example:
        >>> frame = judge(["params"], datasets=["digits"], spaces=["pit-micro"], progress=False)
        >>> frame[frame["block"] == "joint"]["scorer"].tolist()
        ['params', 'macs', 'depth', 'mean_width', 'sum_dim_depth']
    """
    if split not in SPLITS:
        raise SpecError(f"There is no split '{split}'; give one of {', '.join(SPLITS)}.")
    chosen = problem(table, spaces, datasets, label_kind, images)
    if teacher is not None:
        chosen = replace(chosen, teachers=teachers_of(teacher, chosen.table, chosen.blocks))
    named = scorers_of(scorers)
    found = judged(chosen, named, split, jobs=jobs, progress=bar("statistics", "network", shown=progress))
    ordered = {name: found.scores[name] for name in (*named, *found.judge.counts)}
    return found.judge.frame(ordered)


def judged(
    chosen: Problem, scorers: Mapping[str, Scorer], split: str, *, jobs: int = 1, progress: Progress | None = None
) -> Judgement:
    """Judges scorers; a scoring of the sealed split is counted.

    A proxy with weights that were fitted on this table is judged with weights from the fit split alone, except on the
    sealed split.

    Args:
        chosen: The problem.
        scorers: Scorers by name.
        split: A name of `SPLITS`.
        jobs: Number of processes.
        progress: A progress bar.

    Raises:
        SpecError: If a scorer compares with a teacher, and the problem has none, or another one than its discovery.
        TableError: If a block has too few architectures or a constant label there.
        CollectionError: If a scorer cannot be computed on a network.
    """
    for name, each in scorers.items():
        _check_teacher(name, each, chosen)
    own = Judge(chosen, *SPLITS[split])
    looked = count_sealed(chosen.table.digest) if Split.SEALED in SPLITS[split] else None
    if split != Split.SEALED:
        scorers = {name: _before_select(each, chosen) for name, each in scorers.items()}
    cache = statistics_of(chosen.table)

    def scored(networks: Sequence[Network]) -> Floats:
        return score_networks(list(scorers.values()), networks, cache, jobs=jobs, progress=progress).required()

    values = scored(own.networks)
    agreements = dict(zip(scorers, own.agreement(values, scored(own.rebuilt())).tolist(), strict=True))
    verdicts = own.verdicts(np.concatenate([values, np.stack(list(own.counts.values()))]))
    proxies = dict(zip(scorers, verdicts, strict=False))
    baselines = dict(zip(own.counts, verdicts[len(scorers) :], strict=True))
    return Judgement(own, own.counts | dict(zip(scorers, values, strict=True)), proxies, baselines, agreements, looked)


def _check_teacher(name: str, scorer: Scorer, chosen: Problem) -> None:
    if scorer.needs.teacher and not chosen.teachers:
        raise SpecError(f"'{name}' compares networks with a teacher; give one with `teacher`.")
    for part in scorer.parts:
        known = part.provenance.get("teachers", {}) if part.needs.teacher else {}
        for data, given in chosen.teachers.items():
            if data in known and known[data]["identity"] != given.identity:
                raise SpecError(
                    f"'{name}' was discovered with the teacher '{known[data]['name']}' (digest "
                    f"{known[data]['identity']}) on '{data}', and '{given.name}' has the digest {given.identity}; give "
                    "the same teacher, or judge a proxy with the same graph and no provenance."
                )


def _before_select(scorer: Scorer, chosen: Problem) -> Scorer:
    if isinstance(scorer, Proxy) and scorer.provenance.get("table_digest") == chosen.table.digest:
        return as_judged(scorer)
    return scorer
