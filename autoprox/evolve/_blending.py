"""Fitted forms of a discovery: weighted sums of logarithms of counts and hall members, as proxies of the language."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from enum import StrEnum
from typing import Any

import numpy as np

from autoprox.base.arrays import Floats
from autoprox.base.digest import derived_seed
from autoprox.base.threads import single_threaded
from autoprox.bench.judging import Judge
from autoprox.bench.verdict import finite_or_none
from autoprox.evolve._fitting import Samples, fold_numbers, forward, ridge
from autoprox.evolve._hall import Contender
from autoprox.evolve._steadiness import steady
from autoprox.evolve._terms import count_terms, member_terms
from autoprox.evolve.bank import Bank, Collect
from autoprox.evolve.verdicts import FITTED_ROW
from autoprox.graph import Evaluator, Expression, LeafTable, Proxy, parse, weighted_sum
from autoprox.scorers import blind_to

MOST_TERMS = 8
"""Largest number of terms of the short form."""

READABLE_SIZE = 8
"""Largest size of its terms."""

_DIGITS = 6
"""Significant digits of fitted weights, so that they do not depend on the order of summation."""


class ProxyForm(StrEnum):
    """Forms of a discovery, the simplest first."""

    PLAIN = "plain"
    """A member of the hall of fame, as evolved."""
    SHORT = "short"
    """A weighted sum of at most eight short logarithms, picked one by one."""
    BLEND = "blend"
    """A weighted sum of the logarithms of all counts and of the hall of fame."""


@dataclass(frozen=True)
class Statement:
    """A discovery in one of its forms.

    Args:
        form: The form.
        on_fit: The proxy that is judged on select, with weights fitted on fit alone.
        proxy: The published proxy, with weights fitted on fit and select.
        joint: Joint correlation of `on_fit` on select; NaN where undefined.
        steady: True if the rankings of both survive rounding-size perturbations.
        effects: Effects on the score of `proxy` when one property is varied at a time (`autoprox.scorers.effects`).
    """

    form: ProxyForm
    on_fit: Proxy
    proxy: Proxy
    joint: float
    steady: bool
    effects: Sequence[Mapping[str, Any]] = ()

    @property
    def blind_to(self) -> list[str]:
        """Quantities to which the proxy is blind, in networks outside of all spaces."""
        return blind_to(self.effects)

    def to_document(self) -> dict[str, Any]:
        """The statement as JSON-compatible data."""
        return {
            "form": self.form.value,
            "graph": str(self.proxy.graph),
            "sign": self.proxy.sign,
            "size": self.proxy.graph.size,
            "fitted_on_fit": str(self.on_fit.graph),
            "select": finite_or_none(self.joint),
            "steady": self.steady,
            "blind_to": self.blind_to,
        }


def as_judged(proxy: Proxy) -> Proxy:
    """A discovered proxy as judged on the select split, before its weights were fitted on that split as well.

    Example:
        >>> from autoprox.graph import parse
        >>> as_judged(Proxy("by hand", parse("nodes_sum(params)"))).name
        'by hand'
    """
    from_results: Mapping[str, Any] = proxy.results
    for each in from_results.get("forms", ()):
        if each["form"] == from_results["form"]:
            return Proxy(proxy.name, parse(each["fitted_on_fit"]), proxy.sign)
    return proxy


def fitted(form: ProxyForm, terms: Sequence[Expression], judge: Judge, leaves: LeafTable) -> Expression | None:
    """Fits one weight per term to the labels of all blocks together.

    Labels of a block are replaced by normal scores. Terms and labels are centred in each block, and blocks are weighted
    as in the joint correlation. A blend is fitted by ridge regression with a penalty from cross-validation over
    architectures. A short form is fitted by least squares on terms from forward selection.

    Args:
        form: `SHORT` or `BLEND`.
        terms: SCALAR graphs; constant terms, and terms that are not finite on all networks, are skipped.
        judge: Judge of the labels.
        leaves: Leaf values of its networks.

    Returns:
        The weighted sum; None if no term is usable.
    """
    scores = Evaluator(leaves).scores(terms)
    finite = np.flatnonzero(np.isfinite(scores).all(axis=1))
    if not len(finite):
        return None
    samples = _samples(judge, scores[finite])
    with single_threaded():
        found = forward(samples, MOST_TERMS) if form is ProxyForm.SHORT else dict(enumerate(ridge(samples)))
    weights = {index: float(f"{weight:.{_DIGITS}g}") for index, weight in found.items()}
    kept = [(weight, terms[finite[index]]) for index, weight in weights.items() if weight]
    return weighted_sum(kept) if kept else None


def _samples(judge: Judge, scores: Floats) -> Samples:
    blocks = judge.blocks
    folds = []
    for block in blocks:
        # An architecture is in one fold in all blocks of its space.
        ids = sorted({arch_id for other in blocks if other.space == block.space for arch_id in other.arch_ids})
        dealt = fold_numbers(len(ids), derived_seed("folds", block.space, len(ids)))
        folds.append(dealt[np.searchsorted(np.array(ids), np.array(block.arch_ids))])
    parts = [part.T for part in judge.by_block(scores)]
    return Samples(parts, [block.goodness for block in blocks], folds, judge.shares)


@dataclass(frozen=True)
class Grounds:
    """Judges and leaf values for fitting and judging forms.

    Args:
        fit: Judge of the fit split.
        select: Judge of the select split.
        both: Judge of the two together.
        bank: Leaf values of their networks.
        collect: Collects values of other networks and leaves.
        own_counts: Counts that only these spaces have.
    """

    fit: Judge
    select: Judge
    both: Judge
    bank: Bank
    collect: Collect
    own_counts: tuple[str, ...] = ()


def stated(
    plain: Proxy, joint: float, members: Sequence[Contender], grounds: Grounds
) -> tuple[tuple[Statement, ...], Statement | None]:
    """States a discovery in its forms.

    Args:
        plain: The plain form.
        joint: Its joint correlation on select.
        members: Members of the hall of fame that rank by more than rounding.
        grounds: Data for fitting and judging.

    Returns:
        The forms, the plain one first, without forms that have no usable term; and fitted counts, their rival: ridge
        regression on the logarithms of counts alone.
    """
    counts = list(count_terms(grounds.own_counts))
    terms = [*member_terms(members, (grounds.bank.fit, grounds.bank.select)), *counts]
    readable = [each for each in terms if each.size <= READABLE_SIZE]
    held = LeafTable(
        grounds.collect(grounds.both.networks, list(dict.fromkeys(leaf for each in terms for leaf in each.node_leaves)))
    )
    wanted = (
        (f"{plain.name}-{ProxyForm.SHORT}", ProxyForm.SHORT, readable),
        (f"{plain.name}-{ProxyForm.BLEND}", ProxyForm.BLEND, terms),
        (FITTED_ROW, ProxyForm.BLEND, counts),
    )
    pairs: dict[str, tuple[ProxyForm, Expression, Expression]] = {}
    for name, form, those in wanted:
        on_fit = fitted(form, those, grounds.fit, grounds.bank.fit)
        on_both = fitted(form, those, grounds.both, held)
        if on_fit is not None and on_both is not None:
            pairs[name] = form, on_fit, on_both
    graphs = [graph for _, *both in pairs.values() for graph in both]
    stands = steady(graphs, grounds.both.networks, held, grounds.collect) if graphs else np.empty(0, dtype=bool)
    joints = grounds.select.joint(grounds.select.taus(Evaluator(grounds.bank.select).scores(graphs)))
    statements = {
        name: Statement(
            form,
            Proxy(name, on_fit),
            Proxy(name, on_both),
            float(joints[2 * row]),
            bool(stands[2 * row : 2 * row + 2].all()),
        )
        for row, (name, (form, on_fit, on_both)) in enumerate(pairs.items())
    }
    named = plain.renamed(f"{plain.name}-{ProxyForm.PLAIN}")
    rival = statements.pop(FITTED_ROW, None)
    return (Statement(ProxyForm.PLAIN, named, named, joint, steady=True), *statements.values()), rival


def best_form(statements: Sequence[Statement]) -> Statement:
    """The form with the highest joint correlation on select, among forms that rank by more than rounding.

    A form that is blind to width or depth is chosen only if all are. Among equals the simplest form is chosen. If none
    is eligible, the plain form is chosen.
    """
    standing = [statements[0], *(each for each in statements[1:] if each.steady and np.isfinite(each.joint))]
    seeing = [each for each in standing if not each.blind_to]
    return max(seeing or standing, key=lambda each: each.joint)
