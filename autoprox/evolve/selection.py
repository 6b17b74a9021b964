"""Selection on the select split: correlations of the hall of fame, its winner, and its ensemble."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from typing import Any

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.base.errors import TableError
from autoprox.bench.judging import Judge
from autoprox.bench.splits import Split
from autoprox.bench.verdict import finite_or_none
from autoprox.evolve._hall import Contender
from autoprox.evolve._steadiness import steady
from autoprox.evolve.bank import Bank, Collect
from autoprox.graph import Evaluator, Expression, formula, simplify
from autoprox.metrics import mean_ranks
from autoprox.scorers import HALL_MEMBERS, joined_alike


@dataclass(frozen=True)
class Standing:
    """A member of the hall of fame with its fitness on select.

    Args:
        member: The member.
        joint: Joint correlation on select; NaN where undefined.
        beyond: Joint correlation on select beyond size.
        value: Joint and beyond, weighted as in the fitness; the criterion for the winner.
        steady: True if its ranking survives rounding-size perturbations of leaves, scores, images and weights;
            otherwise it ranks by rounding.
    """

    member: Contender
    joint: float
    beyond: float
    value: float
    steady: bool

    @property
    def eligible(self) -> bool:
        """True if the member may win."""
        return self.steady and bool(np.isfinite(self.value))

    def to_document(self) -> dict[str, Any]:
        """The standing as JSON-compatible data; undefined values are None."""
        graph, evaluation = self.member.graph, self.member.evaluation
        text = formula(graph)
        return {
            "graph": str(graph),
            "graph_digest": graph.digest,
            "sign": evaluation.sign,
            "formula": text if evaluation.sign == 1 else f"-({text})",
            "size": graph.size,
            "fit": {
                "joint": evaluation.joint,
                "beyond_size": finite_or_none(evaluation.beyond),
                "fitness": evaluation.value,
                "taus": list(evaluation.taus),
            },
            "select": {
                "joint": finite_or_none(self.joint),
                "beyond_size": finite_or_none(self.beyond),
                "fitness": finite_or_none(self.value),
            },
            "steady": self.steady,
        }


@dataclass(frozen=True)
class EnsembleTrial:
    """Comparison on select of the ensemble of the fittest members of the hall with the best member alone.

    It favours the best member, which was chosen on select among the whole hall.

    Args:
        members: Number of members of the ensemble.
        joint: Joint correlation of the ensemble on select.
        best: Joint correlation of the best member.
        ci95: 95 % interval of the difference, paired bootstrap over architectures.
    """

    members: int
    joint: float
    best: float
    ci95: tuple[float, float]

    @property
    def better(self) -> bool:
        """True if the ensemble is better."""
        return self.joint > self.best

    def to_document(self) -> dict[str, Any]:
        """The trial as JSON-compatible data."""
        return {
            "members": self.members,
            "joint": finite_or_none(self.joint),
            "best_member": finite_or_none(self.best),
            "difference_ci95": [finite_or_none(each) for each in self.ci95],
            "better": self.better,
        }


def standings(
    hall: Sequence[Contender], judges: Mapping[Split, Judge], bank: Bank, collect: Collect, beyond_size: float
) -> list[Standing]:
    """The members of the hall with their fitness on select, in the order of the hall.

    Args:
        hall: Members, best on fit first.
        judges: Judges of fit and select.
        bank: Leaf values of both.
        collect: Collects values of other networks.
        beyond_size: Weight of the correlation beyond size.
    """
    select = judges[Split.SELECT]
    # A winner is published in its short form, which rounds differently.
    graphs = [form for each in hall for form in (each.graph, in_short(each, bank)[0])]
    stands = steady(graphs, judges[Split.FIT].networks, bank.fit, collect)
    stands &= steady(graphs, select.networks, bank.select, collect)
    scores = _scores(hall, bank)
    taus = select.taus(scores)
    joints, beyond = select.joint(taus), select.joint(select.beyond(scores, taus))
    values = joints + beyond_size * beyond if beyond_size else joints
    rows = zip(hall, joints, beyond, values, stands[::2] & stands[1::2], strict=True)
    return [Standing(each, float(a), float(b), float(c), bool(d)) for each, a, b, c, d in rows]


def in_short(member: Contender, bank: Bank) -> tuple[Expression, int]:
    """Graph and sign of a member as published: as small as possible without new leaves."""
    graph, sign = member.graph, member.evaluation.sign
    small = simplify(graph)
    return (
        (small.graph, small.sign * sign)
        if all(leaf.digest in bank.fit for leaf in small.graph.node_leaves)
        else (graph, sign)
    )


def winner(ranked: Sequence[Standing], select: Judge, bank: Bank) -> Standing:
    """The smallest member with a fitness on select within one standard error of the highest.

    It is chosen among the members that are non-dominated in size and fitness on select. The standard error is of the
    difference of joint correlations over resampled architectures.

    Args:
        ranked: The hall, fittest on fit first.
        select: Judge of the select split.
        bank: Leaf values of its networks.

    Raises:
        TableError: If no member may win.
    """
    best = highest(ranked)
    front: list[Standing] = []
    for each in sorted(ranked, key=lambda each: (each.member.graph.size, -each.value)):
        if not each.eligible:
            continue
        if not front or each.value > front[-1].value:
            front.append(each)
    front = [each for each in front if each.member.graph.size < best.member.graph.size] + [best]
    errors = select.standard_errors(_scores([each.member for each in front], bank), len(front) - 1)
    near = (each for each, error in zip(front, errors, strict=True) if best.value - each.value <= error)
    return min(near, key=lambda each: each.member.graph.size)


def highest(ranked: Sequence[Standing]) -> Standing:
    """The member with the highest fitness on select; among equals the fitter one on fit, then the smaller.

    Raises:
        TableError: If none may win.
    """
    eligible = [each for each in ranked if each.eligible]
    if not eligible:
        raise TableError(
            "No member of the hall of fame has a defined ranking of the select split that is more than rounding;"
            " give a larger budget or a table with more architectures."
        )
    return max(eligible, key=lambda each: (each.value, each.member.value, -each.member.graph.size))


def ensemble_of(ranked: Sequence[Standing]) -> list[Contender]:
    """The members of the ensemble: the fittest of the hall on fit, without members that rank by rounding.

    Args:
        ranked: The hall, fittest on fit first.
    """
    return [each.member for each in ranked if each.steady][:HALL_MEMBERS]


def ensemble_trial(ranked: Sequence[Standing], best: Standing, select: Judge, bank: Bank) -> EnsembleTrial:
    """Compares the ensemble of the fittest members with the best member on select.

    Args:
        ranked: The hall, fittest on fit first.
        best: The member with the highest fitness on select.
        select: Judge of the select split.
        bank: Leaf values of its networks.
    """
    members = ensemble_of(ranked)
    together = joined_alike(mean_ranks, _scores(members, bank), select.networks)
    alone = _scores([best.member], bank)[0]
    joint = float(select.joint(select.taus(together[None]))[0])
    return EnsembleTrial(len(members), joint, best.joint, select.margin(together, alone)[1])


def _scores(members: Sequence[Contender], bank: Bank) -> Floats:
    """Scores on the networks of select, including the sign."""
    signs = np.array([each.evaluation.sign for each in members], dtype=np.float64)[:, None]
    return np.asarray(signs * Evaluator(bank.select).scores([each.graph for each in members]))
