"""Any scorers on many networks, cached; and on one live model in one go."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, TypeVar

import numpy as np
from joblib import delayed
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import text_digest
from autoprox.base.errors import CollectionError, SpecError, UndefinedScoreError
from autoprox.base.parallel import explained_loss
from autoprox.base.threads import single_threaded
from autoprox.base.workers import processes
from autoprox.graph import Evaluator, LeafScorer, LeafTable, Proxy, Scorer, collect_leaves, leaves_of
from autoprox.graph.scorer import Loss
from autoprox.networks.network import Network, alike
from autoprox.scorers.ensemble import Ensemble, joined_ranks
from autoprox.scorers.function import FunctionProxy, Subject, prepared
from autoprox.scorers.ranking import RankedProxy
from autoprox.statistics import StatisticsCache

T = TypeVar("T")
Progress = Callable[[Iterable[Any], int], Iterable[Any]]
"""Wraps an iterable of computed networks, given with its length (a progress bar)."""


@dataclass(frozen=True)
class Scored:
    """Scores of `P` scorers on `A` networks.

    Args:
        values: Shape `(P, A)`; higher is better; NaN where there is no finite value.
        refusals: Under the name of a scorer that cannot be computed on some network, the first reason.
    """

    values: Floats
    refusals: dict[str, str]

    def required(self) -> Floats:
        """The values, if nothing was refused.

        Raises:
            CollectionError: If a scorer cannot be computed on some network.
        """
        for reason in self.refusals.values():
            raise CollectionError(reason)
        return self.values


def score_networks(
    scorers: Sequence[Scorer],
    networks: Sequence[Network],
    cache: StatisticsCache,
    *,
    jobs: int = 1,
    progress: Progress | None = None,
) -> Scored:
    """Scores networks by any scorers: what the cache has is read, what it has not is computed and stored.

    All graphs share one pass over the networks that lack something, and all functions another. What is computed is
    stored network by network, so a process that is killed loses only the networks in flight. A scorer that ranks over a
    set, such as an ensemble, ranks those networks among each other that belong to one space, one task and one
    initialisation.

    Args:
        scorers: `P` scorers with names of their own.
        networks: `A` networks.
        cache: Where leaves of graphs and scores of functions live.
        jobs: Number of processes; the result does not depend on it.
        progress: A progress bar for each of the two passes.

    Raises:
        CollectionError: If the statistics of a graph cannot be collected.
        SpecError: If two scorers have one name.
    """
    _require_own_names(scorers)
    # By identity: a member of an ensemble may bear the name of another scorer.
    parts = {id(part): part for each in scorers for part in _parts(each)}
    graphs = [each for each in parts.values() if isinstance(each, Proxy | LeafScorer)]
    singles = {key: each for key, each in parts.items() if not isinstance(each, Proxy | LeafScorer)}
    rows = _leaf_scores(graphs, networks, cache, jobs, progress)
    measured, reasons = _single_scores({each.name: each for each in singles.values()}, networks, cache, jobs, progress)
    rows |= {key: measured[each.name] for key, each in singles.items()}
    values = [_joined(each, rows, networks) for each in scorers]
    refusals = {}
    for each in scorers:
        found = [reasons[part.name] for part in _parts(each) if id(part) in singles and part.name in reasons]
        if found:
            refusals[each.name] = found[0]
    return Scored(np.stack(values) if values else np.empty((0, len(networks))), refusals)


def _parts(scorer: Scorer) -> tuple[Scorer, ...]:
    """What has to be measured for a scorer, network by network."""
    if isinstance(scorer, RankedProxy):
        return scorer.parts
    if isinstance(scorer, Ensemble) and scorer.scores_sets_only:
        return tuple(part for member in scorer.members for part in _parts(member))
    return (scorer,)


def _joined(scorer: Scorer, rows: Mapping[int, Floats], networks: Sequence[Network]) -> Floats:
    """The scores of a scorer, `(A,)`, from those of its parts."""
    if isinstance(scorer, Ensemble) and scorer.scores_sets_only:
        return joined_ranks(np.stack([_joined(each, rows, networks) for each in scorer.members]), networks)
    if isinstance(scorer, RankedProxy):
        parts, scores = np.stack([rows[id(each)] for each in scorer.parts]), np.empty(len(networks))
        for group in alike(networks):
            scores[group] = scorer.joined(parts[:, group])
        return scores
    return rows[id(scorer)]


def _require_own_names(scorers: Sequence[Scorer]) -> None:
    names = [each.name for each in scorers]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"Two scorers are called '{twice[0]}'; give each a name of its own (`proxy.renamed(name)`).")


def _leaf_scores(
    scorers: Sequence[Proxy | LeafScorer],
    networks: Sequence[Network],
    cache: StatisticsCache,
    jobs: int,
    progress: Progress | None,
) -> dict[int, Floats]:
    """Scores that are computed from node values: graphs, all at once, and whatever else takes them."""
    if not scorers:
        return {}
    proxies = [each for each in scorers if isinstance(each, Proxy)]
    others = [each for each in scorers if not isinstance(each, Proxy)]
    wanted = [leaf for each in proxies for leaf in each.graph.node_leaves]
    wanted += [leaf for each in others for leaf in each.node_leaves]
    collected = collect_leaves(networks, list(dict.fromkeys(wanted)), cache, jobs=jobs, progress=progress)
    scores = Evaluator(LeafTable(collected)).scores([proxy.graph for proxy in proxies])
    rows = {id(proxy): np.asarray(proxy.sign * row) for proxy, row in zip(proxies, scores, strict=True)}
    return rows | {id(each): each.score_leaves(collected) for each in others}


def _single_scores(
    scorers: dict[str, Scorer],
    networks: Sequence[Network],
    cache: StatisticsCache,
    jobs: int,
    progress: Progress | None,
) -> tuple[dict[str, Floats], dict[str, str]]:
    """Scores that are computed network by network, and the reasons of those that cannot be."""
    digests = {name: _digest(each) for name, each in scorers.items()}
    # A key of their own: scores have no nodes, and so need not agree with the layout of a network's leaves.
    keys = [f"{network.key} scores" for network in networks]
    stored = cache.get_many(keys, list(digests.values())) if scorers else {key: {} for key in keys}
    missing = [[name for name, key in digests.items() if key not in stored[at]] for at in keys]
    first = {key: index for index, key in reversed(list(enumerate(keys)))}
    pending = [index for index, names in enumerate(missing) if names and first[keys[index]] == index]
    refusals: dict[str, str] = {}
    if pending:
        tasks = (delayed(_network_scores)(networks[at], [scorers[name] for name in missing[at]]) for at in pending)
        computed: Iterable[list[float | str]] = processes(min(jobs, len(pending)), return_as="generator")(tasks)
        computed = computed if progress is None else progress(computed, len(pending))
        with explained_loss():
            for index, outcomes in zip(pending, computed, strict=True):
                found = dict(zip(missing[index], outcomes, strict=True))
                refusals = {name: text for name, text in found.items() if isinstance(text, str)} | refusals
                values = {digests[name]: np.array([each]) for name, each in found.items() if isinstance(each, float)}
                cache.put(keys[index], values, {})
                stored[keys[index]].update(values)
    nothing = np.array([np.nan])
    rows = {name: np.array([stored[key].get(held, nothing)[0] for key in keys]) for name, held in digests.items()}
    return rows, refusals


def _digest(scorer: Scorer) -> str:
    version = scorer.version if isinstance(scorer, FunctionProxy) else 1
    return text_digest(f"score {scorer.name} {version}")


def _network_scores(network: Network, scorers: Sequence[Scorer]) -> list[float | str]:
    """Runs in a worker process: a score, NaN where it has no finite value, or the reason why there can be none."""
    with single_threaded():
        task = network.task
        found: list[float | str] = []
        with prepared(network.build(), task.images, task.labels) as subject:
            for each in scorers:
                try:
                    found.append(_single_score(each, subject))
                except CollectionError as error:
                    found.append(str(error))
        return found


def _single_score(scorer: Scorer, subject: Subject) -> float:
    try:
        if isinstance(scorer, FunctionProxy | RankedProxy):
            return scorer.score_subject(subject)
        return scorer.score(subject.model, subject.images, subject.labels)
    except UndefinedScoreError:
        return float("nan")


def score_together(
    scorers: Sequence[Scorer], model: nn.Module, images: Any, labels: Any, *, loss: Loss | None = None
) -> dict[str, float]:
    """Scores one live model by many scorers in one go: they share passes, and whatever else they have in common.

    Args:
        scorers: Scorers with names of their own.
        model: An untrained network; it is left as it was.
        images: Batch, shape `(B, C, H, W)`.
        labels: Class indices, shape `(B,)`.
        loss: What the backward passes start from; the mean cross entropy by default.

    Returns:
        Each scorer's name with the score that it gives alone; NaN where it has no finite value.

    Raises:
        CollectionError: If one of them cannot be computed on this model with this batch.

    Example:
        >>> import autoprox
        >>> micro = autoprox.space("autoformer-micro")
        >>> arch = micro.parse('{"depth": 2, "hidden_dim": 48, "mlp_ratio": [2, 4], "num_heads": [3, 4]}')
        >>> model = micro.build(arch, num_classes=10, img_size=8, in_chans=1, seed=0)
        >>> images = np.random.default_rng(0).normal(size=(8, 1, 8, 8)).astype("float32")
        >>> chosen = [autoprox.load(name) for name in ("depth", "snip", "mean_width")]
        >>> scores = score_together(chosen, model, images, np.arange(8))
        >>> scores["depth"], scores["mean_width"], scores["snip"] == chosen[1].score(model, images, np.arange(8))
        (2.0, 48.0, True)
    """
    graphs = [each for each in scorers if isinstance(each, Proxy)]
    scores: dict[str, float] = {}
    if graphs:
        expressions = list(dict.fromkeys(leaf for proxy in graphs for leaf in proxy.graph.node_leaves))
        told = frozenset().union(*(proxy.graph.selected_sites for proxy in graphs))
        table = LeafTable([leaves_of(model, images, labels, expressions, loss, told=told)])
        found = Evaluator(table).scores([proxy.graph for proxy in graphs])[:, 0]
        scores = {proxy.name: _finite(proxy.sign * value) for proxy, value in zip(graphs, found, strict=True)}
    others = [each for each in scorers if not isinstance(each, Proxy)]
    if others:
        with prepared(model, images, labels, loss) as subject:
            scores |= {each.name: _single_score(each, subject) for each in others}
    return {each.name: scores[each.name] for each in scorers}


def _finite(value: float) -> float:
    return float(value) if np.isfinite(value) else float("nan")
