"""Judges scores against the blocks of a table; every number in a report comes from here."""

from collections.abc import Mapping, Sequence
from dataclasses import replace
from functools import cached_property

import numpy as np
import numpy.typing as npt
import pandas as pd

from autoprox.base.arrays import Floats
from autoprox.base.digest import derived_seed
from autoprox.base.errors import TableError
from autoprox.bench.block import Block
from autoprox.bench.problem import Problem
from autoprox.bench.schema import ISO_BUDGET_FACTORS
from autoprox.bench.splits import Split
from autoprox.bench.verdict import BlockVerdict, Verdict
from autoprox.metrics import (
    bootstrap_taus,
    interval95,
    joint,
    kendall_tau_a,
    kendall_tau_b,
    ndcg,
    partial_tau,
    resample_counts,
    spearman,
    top_regret,
)
from autoprox.networks import Fresh, Network
from autoprox.networks.network import count_scores

RESAMPLES = 1000


_FEWEST_ISO = 8


class Judge:
    """Blocks of a table, restricted to splits, with the networks to score.

    Args:
        problem: Blocks and aggregate to judge by.
        splits: Splits to include.

    Raises:
        TableError: If a block has fewer than two different labels in these splits.

    Attributes:
        networks: `A` networks, one per column of a score vector.
        blocks: The blocks, restricted to the splits.
    """

    def __init__(self, problem: Problem, *splits: Split) -> None:
        table, init_seeds = problem.table, problem.init_seeds
        kept = {arch_id for arch_id, split in table.splits().items() if split in splits}
        self.blocks = tuple(_judgeable(block.restricted(kept), splits, table.name) for block in problem.blocks)
        self.aggregate = problem.aggregate
        self._weights = problem.weights
        self._init_seeds = init_seeds
        self._spaces = [block.space for block in self.blocks]
        self.networks: list[Network] = []
        places: dict[tuple[str, str, str], int] = {}
        for block in self.blocks:
            task = table.task(block.dataset, block.space)
            for arch_id in block.arch_ids:
                if (block.space, block.dataset, arch_id) not in places:
                    places[block.space, block.dataset, arch_id] = len(self.networks)
                    arch, space = table.archs[arch_id], table.spaces[block.space]
                    teacher = problem.teachers.get(block.dataset)
                    self.networks += [Network(space, arch, task, Fresh(seed), teacher) for seed in range(init_seeds)]
        self._columns = [
            np.array([places[block.space, block.dataset, arch_id] for arch_id in block.arch_ids])[:, None]
            + np.arange(init_seeds)
            for block in self.blocks
        ]

    @cached_property
    def _alike(self) -> list[list[int]]:
        """Blocks with the same networks in the same order, such as those of several label kinds."""
        groups: dict[bytes, list[int]] = {}
        for index, columns in enumerate(self._columns):
            groups.setdefault(columns.tobytes(), []).append(index)
        return list(groups.values())

    @cached_property
    def counts(self) -> dict[str, Floats]:
        """Scores by counts alone: `(A,)` for each count of `count_scores`."""
        return {name: np.array(values) for name, values in count_scores(self.networks).items()}

    def by_block(self, scores: Floats) -> list[Floats]:
        """Splits scores by block and averages over initialisations, `(P, A)` -> `D` times `(P, n)`."""
        if self._columns and self._columns[0].shape[1] == 1:
            return [scores[:, columns[:, 0]] for columns in self._columns]
        return [scores[:, columns].mean(axis=2) for columns in self._columns]

    def taus(self, scores: Floats) -> Floats:
        """Signed tau-b of each score vector with each block, `(P, A)` -> `(P, D)`; NaN where undefined."""
        parts = self.by_block(scores)
        taus = np.empty((len(scores), len(self.blocks)))
        for alike in self._alike:
            labels = np.stack([self.blocks[index].goodness for index in alike])
            taus[:, alike] = kendall_tau_b(parts[alike[0]], labels)
        return taus

    def joint(self, taus: Floats) -> Floats:
        """Joint correlation, `(..., D)` -> `(...)`."""
        return joint(taus, self._spaces, self.aggregate, self._weights)

    @property
    def shares(self) -> Floats:
        """`(D,)`, weight of each block in the joint correlation; equal weights if the worst block decides."""
        shares = self.joint(np.eye(len(self.blocks)))
        return shares if shares.sum() > 0 else np.full(len(self.blocks), 1 / len(self.blocks))

    def beyond(self, scores: Floats, taus: Floats) -> Floats:
        """Correlation of score vectors beyond size, block by block.

        Tau-b among the architectures of one size (the iso stratum) if the block has at least 8 of them. Otherwise the
        partial tau given the number of parameters.

        Args:
            scores: `(P, A)`.
            taus: Their correlations from `taus`, `(P, D)`.

        Returns:
            `(P, D)`; NaN where undefined: for scores that are constant at one size, or that rank exactly like the
            number of parameters.
        """
        parts = self.by_block(scores)
        columns = []
        for index, (part, block) in enumerate(zip(parts, self.blocks, strict=True)):
            if _same_size(block):
                columns.append(_iso_taus(part, block))
            else:
                columns.append(self._partial_taus(index, part, taus[:, index]))
        return np.stack(columns, axis=1)

    def agreement(self, scores: Floats, others: Floats) -> Floats:
        """Tau-b between pairs of score vectors of the same networks, joined like correlations with labels.

        For the scores of one proxy from two initialisations, this is the share of the ranking that depends on the
        architecture and not on the draw.

        Args:
            scores: `(P, A)`.
            others: `(P, A)`, row by row the vectors to compare with.

        Returns:
            `(P,)`; NaN where a vector is constant or undefined in a block.
        """
        pairs = zip(self.by_block(scores), self.by_block(others), strict=True)
        taus = [
            [float(kendall_tau_b(one[None], other)[0]) for one, other in zip(part, match, strict=True)]
            for part, match in pairs
        ]
        return self.joint(np.array(taus).T)

    def margin(self, scores: Floats, rival: Floats, resamples: int = RESAMPLES) -> tuple[float, tuple[float, float]]:
        """Difference of the joint correlations of two score vectors.

        Args:
            scores: `(A,)`.
            rival: `(A,)`.
            resamples: Number of bootstrap draws, which are the same for both.

        Returns:
            The difference, `scores` minus `rival`, and its 95 % interval.
        """
        both = np.stack([scores, rival])
        first, second = self.joint(self.taus(both))
        sampled = self.sampled_joints(both, resamples)
        return float(first - second), _pair(interval95(sampled[0] - sampled[1]))

    def partial(self, scores: Floats, given: Floats, resamples: int = RESAMPLES) -> tuple[float, tuple[float, float]]:
        """Partial tau of a score vector with the labels, given another one, joined over the blocks.

        Args:
            scores: `(A,)`.
            given: `(A,)`, such as a count.
            resamples: As for `margin`.

        Returns:
            The partial tau and its 95 % interval; NaN if the two rank a block alike.
        """
        taus, sampled = [], []
        blocks = zip(self.by_block(np.stack([scores, given])), self.blocks, self._resampled(resamples), strict=True)
        for (own, other), block, draw in blocks:
            (own_label, other_label), (own_other,) = (
                kendall_tau_b(np.stack([own, other]), block.goodness),
                kendall_tau_b(own[None], other),
            )
            taus.append(partial_tau(own_label, own_other, other_label))
            with_label = bootstrap_taus(np.stack([own, other]), block.goodness, draw)
            sampled.append(partial_tau(with_label[0], bootstrap_taus(own[None], other, draw)[0], with_label[1]))
        return float(self.joint(np.array(taus))), _pair(interval95(self.joint(np.stack(sampled, axis=1))))

    def standard_errors(self, scores: Floats, best: int, resamples: int = RESAMPLES) -> Floats:
        """Standard errors of the differences of joint correlations between one score vector and each.

        Args:
            scores: `(P, A)`.
            best: Row of the vector to compare with.
            resamples: As for `margin`.

        Returns:
            `(P,)`; 0 in the row `best`.
        """
        sampled = self.sampled_joints(scores, resamples)
        return np.asarray(np.nanstd(sampled[best] - sampled, axis=1))

    def iso_margin(
        self, scores: Floats, rival: Floats, resamples: int = RESAMPLES
    ) -> tuple[float, tuple[float, float]]:
        """The margin among the architectures of one size (the iso stratum), which size cannot rank.

        Args:
            scores: `(A,)`.
            rival: `(A,)`.
            resamples: As for `margin`.

        Returns:
            The difference and its 95 % interval; NaN if a block has fewer than 8 architectures in each iso stratum.
        """
        both = np.stack([scores, rival])
        first, second = self.joint(np.stack(list(map(_iso_taus, self.by_block(both), self.blocks)), axis=1))
        sampled = self.joint(np.swapaxes(self._sampled_taus(both, resamples, iso=True), 1, 2))
        return float(first - second), _pair(interval95(sampled[0] - sampled[1]))

    def _sampled_taus(self, scores: Floats, resamples: int, *, iso: bool = False) -> Floats:
        """Taus on resampled architectures, `(P, A)` -> `(P, D, B)`; NaN if the resample of a small block is constant.

        With `iso`, only architectures of one size count, and the result is NaN if there are too few of them.
        """
        sampled = []
        for part, block, draw in zip(self.by_block(scores), self.blocks, self._resampled(resamples), strict=True):
            groups = _same_size(block) if iso else [np.ones(len(block), dtype=bool)]
            resampled = [bootstrap_taus(part[:, kept], block.goodness[kept], draw[:, kept]) for kept in groups]
            sampled.append(np.mean(resampled, axis=0) if resampled else np.full((len(part), resamples), np.nan))
        return np.stack(sampled, axis=1)

    def sampled_joints(self, scores: Floats, resamples: int = RESAMPLES) -> Floats:
        """Joint correlations on resampled architectures, `(P, A)` -> `(P, B)`: the same resamples for every call."""
        return self.joint(np.swapaxes(self._sampled_taus(scores, resamples), 1, 2))

    def rebuilt(self) -> list[Network]:
        """The same networks with new initialisations: their seeds continue after the present ones."""
        seeds = self._init_seeds
        return [replace(each, weights=Fresh(seeds + index % seeds)) for index, each in enumerate(self.networks)]

    def _resampled(self, resamples: int) -> list[npt.NDArray[np.int64]]:
        """Bootstrap counts `(B, n)` of each block; the blocks of one space share their draw of architectures."""
        drawn = {}
        for name in dict.fromkeys(self._spaces):
            arch_ids = sorted({each for block in self.blocks if block.space == name for each in block.arch_ids})
            rng = np.random.default_rng(derived_seed("bootstrap", name, len(arch_ids)))
            counts = resample_counts(len(arch_ids), resamples, rng)
            drawn[name] = (np.array(arch_ids), counts)
        result = []
        for block in self.blocks:
            arch_ids_of_space, counts = drawn[block.space]
            result.append(counts[:, np.searchsorted(arch_ids_of_space, np.array(block.arch_ids))])
        return result

    def verdicts(self, scores: Floats, resamples: int = RESAMPLES) -> list[Verdict]:
        """Judges score vectors with all figures: intervals, iso stratum, partial tau.

        Args:
            scores: `(P, A)`.
            resamples: Number of bootstrap draws, which are the same for every vector (paired) and for every call.

        Returns:
            One verdict per vector.
        """
        taus = self.taus(scores)
        sampled = self._sampled_taus(scores, resamples)
        joints = self.joint(taus)
        joint_intervals = interval95(self.joint(np.swapaxes(sampled, 1, 2)))
        intervals = interval95(sampled)
        beside = self._beside(scores, taus)
        return [
            Verdict(
                float(joints[row]),
                _pair(joint_intervals[row]),
                tuple(
                    BlockVerdict(
                        float(taus[row, column]), _pair(intervals[row, column]), *map(float, beside[:, row, column])
                    )
                    for column in range(len(self.blocks))
                ),
            )
            for row in range(len(scores))
        ]

    def _beside(self, scores: Floats, taus: Floats) -> Floats:
        """Further figures of a verdict for each block, in the order of `BlockVerdict`, `(6, P, D)`."""
        parts = self.by_block(scores)
        columns = [
            (
                spearman(part, block.goodness),
                _iso_taus(part, block),
                self._partial_taus(index, part, taus[:, index]),
                kendall_tau_a(part, block.goodness),
                ndcg(part, block.goodness),
                top_regret(part, block.goodness),
            )
            for index, (part, block) in enumerate(zip(parts, self.blocks, strict=True))
        ]
        return np.stack([np.stack(each, axis=-1) for each in zip(*columns, strict=True)])

    def frame(self, scores: Mapping[str, Floats], resamples: int = RESAMPLES) -> pd.DataFrame:
        """The verdicts of several scorers as a frame, to sort, pivot and plot.

        Args:
            scores: `(A,)` for each scorer, by its name.
            resamples: Number of bootstrap draws.

        Returns:
            Long form: for each scorer in the order given, a row `joint`, then one row per block. Columns: `scorer`,
            `block` (its name, or "joint"), `n` (architectures), `kendall`, `low` and `high` (95 % interval), `iso` and
            `given_params`. The last two are as in `BlockVerdict`; in a joint row they are joined like the correlations.
            Undefined figures are NaN.
        """
        rows = []
        archs = len({arch_id for block in self.blocks for arch_id in block.arch_ids})
        for name, verdict in zip(scores, self.verdicts(np.stack(list(scores.values())), resamples), strict=True):
            blocks = verdict.blocks
            iso, partial = (
                self.joint(np.array(each)) for each in zip(*((b.iso, b.partial) for b in blocks), strict=True)
            )
            rows.append((name, "joint", archs, verdict.joint, *verdict.ci95, float(iso), float(partial)))
            rows += [
                (name, block.name, len(block), own.kendall, *own.ci95, own.iso, own.partial)
                for block, own in zip(self.blocks, blocks, strict=True)
            ]
        return pd.DataFrame(rows, columns=["scorer", "block", "n", "kendall", "low", "high", "iso", "given_params"])

    def _partial_taus(self, index: int, part: Floats, taus: Floats) -> Floats:
        """Partial tau given parameters on one block, `(P, n)` and `(P,)` -> `(P,)`."""
        size, of_size = self._sizes[index]
        return partial_tau(taus, kendall_tau_b(part, size), of_size)

    @cached_property
    def _sizes(self) -> list[tuple[Floats, Floats]]:
        """For each block, the parameter counts of its architectures, and the tau-b of these counts with the labels."""
        params = self.by_block(self.counts["params"][None])
        return [(size[0], kendall_tau_b(size, block.goodness)) for size, block in zip(params, self.blocks, strict=True)]


def _judgeable(block: Block, splits: Sequence[Split], table: str) -> Block:
    """Returns the block; requires labels that differ, without which no rank correlation is defined."""
    if len(set(block.goodness.tolist())) < 2:
        raise TableError(
            f"In the table '{table}' the block {block.space} / {block.dataset} / {block.label_kind} has"
            f" {len(block.arch_ids)} architecture(s) in {' + '.join(splits)} with identical labels: nothing can be"
            " ranked. Add architectures, or exclude the block by `spaces` or `datasets`."
        )
    return block


def _same_size(block: Block) -> list[npt.NDArray[np.bool_]]:
    """Masks of the architectures of one size, for each iso stratum with enough of them."""
    masks = [np.array([each == stratum for each in block.strata]) for stratum in ISO_BUDGET_FACTORS]
    return [mask for mask in masks if mask.sum() >= _FEWEST_ISO]


def _iso_taus(part: Floats, block: Block) -> Floats:
    """Tau-b among architectures of one size, mean over the iso strata; NaN if no stratum has enough architectures."""
    taus = [kendall_tau_b(part[:, mask], block.goodness[mask]) for mask in _same_size(block)]
    return np.mean(taus, axis=0) if taus else np.full(len(part), np.nan)


def _pair(interval: Floats) -> tuple[float, float]:
    return float(interval[0]), float(interval[1])
