"""Evidence for the report of a run, beyond the files of the run: gathered once from table and cache, then stored.

Nothing here reads the sealed split: its figures come from best.json.
"""

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from typing import Any

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.base.errors import StoreMismatchError
from autoprox.base.foreign import read_json, reading
from autoprox.bench.block import Block
from autoprox.bench.judging import Judge
from autoprox.bench.problem import Problem
from autoprox.bench.splits import Split
from autoprox.bench.verdict import finite_or_none
from autoprox.evolve import PROXY_ROW, as_judged
from autoprox.evolve.rivals import affordable_zoo
from autoprox.evolve.runs import Run
from autoprox.evolve.verdicts import document_of, verdicts_of
from autoprox.graph import Proxy
from autoprox.networks.network import Network
from autoprox.report._bands import joined_bands
from autoprox.report._random_baseline import RANDOM_ROW, RandomBaseline
from autoprox.scorers import HALL, Scorer, hall_ensemble

EVIDENCE, REPORT = "evidence.json", "report.html"
"""Names of the files in the folder of a run."""

EVIDENCE_FORMAT = 1
ENSEMBLE_ROW = "ensemble"
ZOO_ROWS = 3

Scoring = Callable[[Sequence[Scorer], Sequence[Network]], Floats]
"""Scores of scorers on networks, including the sign, `(P, A)`."""


def gather(run: Run, problem: Problem, scoring: Scoring, random: RandomBaseline | None) -> dict[str, Any]:
    """Gathers the evidence of a report beyond the files of a run, as JSON-compatible data; deterministic.

    Args:
        run: A finished run.
        problem: Its problem.
        scoring: Returns scores, from the cache or computed.
        random: Random search for comparison; None without it.

    Raises:
        StoreMismatchError: If the run is not finished, or was made on another table.
        TableError: If a block has too few architectures or a constant label in a split.
    """
    _same_table(run, problem)
    select, both = Judge(problem, Split.SELECT), Judge(problem, Split.FIT, Split.SELECT)
    zoo = _best_of_zoo(select, scoring)
    # Figures of fitted weights on select and fit are reliable only before they were fitted on select as well.
    contenders = {PROXY_ROW: as_judged(run.proxy)} | zoo
    on_select = dict(zip(contenders, scoring(_named(contenders), select.networks), strict=True))
    on_both = dict(zip(contenders, scoring(_named(contenders), both.networks), strict=True)) | both.counts
    (on_select[ENSEMBLE_ROW],) = scoring([hall_ensemble(run.folder / HALL)], select.networks)
    verdicts = _verdicts(select, on_select | select.counts)
    if random is not None:
        verdicts[RANDOM_ROW] = random.document["select"]
    bands = joined_bands(_by_block(both, np.stack(list(on_both.values()))), both.joint)
    return {
        "format": EVIDENCE_FORMAT,
        "proxy_digest": run.proxy.to_document()["digest"],
        "zoo": list(zoo),
        "select": verdicts,
        "fit_and_select": _verdicts(both, on_both),
        "bands": {name: [finite_or_none(tau) for tau in row] for name, row in zip(on_both, bands, strict=True)},
        "blocks": _blocks(problem, both, on_both[PROXY_ROW]),
        "architectures": _architectures(problem),
        "random": None if random is None else random.document,
    }


def read_evidence(run: Run) -> dict[str, Any] | None:
    """Reads the evidence of a run; None without evidence, or if it has another winner or format.

    Raises:
        StoreMismatchError: If the run is not finished, or the file is damaged.
    """
    path = run.folder / EVIDENCE
    digest = run.proxy.to_document()["digest"]
    if not path.exists():
        return None
    with reading(
        path, lambda why: StoreMismatchError(f"'{path}' is damaged ({why}); delete it and write the report again.")
    ):
        document: dict[str, Any] = read_json(path)
        current = document["format"] == EVIDENCE_FORMAT and document["proxy_digest"] == digest
    return document if current else None


def _same_table(run: Run, problem: Problem) -> None:
    made_on = run.definition["table_digest"]
    if made_on != problem.table.digest:
        raise StoreMismatchError(
            f"The run in '{run.folder}' was made on another version of '{run.definition['table']}' (digest {made_on},"
            f" now {problem.table.digest}); restore the table, or run the discovery again."
        )


def _best_of_zoo(select: Judge, scoring: Scoring) -> dict[str, Proxy]:
    """The zoo proxies with the highest joint correlation on select, best first."""
    zoo = affordable_zoo()
    joints = select.joint(select.taus(scoring(list(zoo.values()), select.networks)))
    ranked = sorted((-joint, name) for joint, name in zip(joints, zoo, strict=True) if np.isfinite(joint))
    return {name: zoo[name] for _, name in ranked[:ZOO_ROWS]}


def _named(contenders: Mapping[str, Proxy]) -> list[Proxy]:
    return [proxy.renamed(name) for name, proxy in contenders.items()]


def _verdicts(judge: Judge, rows: Mapping[str, Floats]) -> dict[str, Any]:
    return document_of(verdicts_of(judge, dict(rows)), judge)


def _by_block(judge: Judge, scores: Floats) -> list[tuple[Floats, Floats, Floats]]:
    sizes = judge.by_block(judge.counts["params"][None])
    triples = zip(judge.by_block(scores), judge.blocks, sizes, strict=True)
    return [(part, block.goodness, size[0]) for part, block, size in triples]


def _blocks(problem: Problem, judge: Judge, scores: Floats) -> list[dict[str, Any]]:
    """For each block its ceiling, and its architectures of fit and select with labels and scores of the winner."""
    splits = problem.table.splits()
    return [
        {
            "space": block.space,
            "dataset": block.dataset,
            "label_kind": block.label_kind,
            "metric": block.metric,
            "ceiling": _ceiling(problem.table.manifest, block),
            "arch_ids": list(block.arch_ids),
            "splits": [splits[arch_id].value for arch_id in block.arch_ids],
            "labels": block.values.tolist(),
            "params": size.astype(int).tolist(),
            "scores": part[0].tolist(),
        }
        for (part, _, size), block in zip(_by_block(judge, scores[None]), judge.blocks, strict=True)
    ]


def _ceiling(manifest: Mapping[str, Any], block: Block) -> dict[str, Any] | None:
    """Noise ceiling in the manifest; None without such an entry."""
    key = (block.space, block.dataset, block.label_kind, block.metric)
    for each in manifest.get("blocks", ()):
        if tuple(each[name] for name in ("space", "dataset", "label_kind", "metric")) == key:
            found = each["all"]
            return None if found["ceiling"] is None else {"tau": found["ceiling"], "ci95": found["ceiling_ci95"]}
    return None


def _architectures(problem: Problem) -> dict[str, int]:
    """Number of architectures of each split."""
    splits = problem.table.splits()
    counted = Counter(splits[each] for each in {i for block in problem.blocks for i in block.arch_ids})
    return {split.value: counted[split] for split in Split}
