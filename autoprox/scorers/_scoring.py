"""Several scorers on many networks, cached; and several scorers on one live model."""

import warnings
from collections.abc import Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from typing import Any

import numpy as np
from joblib import delayed
from torch import nn

from autoprox.base.arrays import Floats
from autoprox.base.digest import text_digest
from autoprox.base.errors import CollectionError, SpecError
from autoprox.base.outcomes import Outcome, UnscoredWarning
from autoprox.base.parallel import explained_loss
from autoprox.base.progress import Progress
from autoprox.base.threads import single_threaded
from autoprox.base.workers import processes
from autoprox.graph import Leaves, collect_leaves_or_reasons
from autoprox.networks.network import Network, alike
from autoprox.scorers._interface import ArchPart, LeafPart, Scorer
from autoprox.scorers._one_model import evaluated, measured, measured_network
from autoprox.statistics import BatchLoss, StatisticsCache

_Key = str | int
# Key of a part: its identity, or the id of the object if it has no identity.


@dataclass(frozen=True)
class Scored:
    """Scores of `P` scorers on `A` networks.

    Args:
        values: Shape `(P, A)`; higher is better; NaN without a finite value.
        refusals: First reason for each scorer that cannot be computed on some network, by the scorer's name.
    """

    values: Floats
    refusals: dict[str, str]

    def required(self) -> Floats:
        """The values, if there are no refusals.

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
    """Scores networks by several scorers; reads cached values, and computes and caches the others.

    All parts that are functions of node values share one pass over the networks with missing values. All live parts
    share another. Parts that are functions of the architecture need no pass.

    Values are cached network by network, so that a killed process loses only the networks in progress. Scores are
    cached under the identity of a part; a part without an identity is computed at every call. A scorer that ranks
    within a set, such as an ensemble, ranks networks of the same space, task and initialisation. A part that compares
    with a teacher, and has none yet, compares with the teacher of each network.

    Args:
        scorers: `P` scorers with distinct names.
        networks: `A` networks.
        cache: Cache of leaves of graphs and of scores of functions.
        jobs: Number of processes; has no influence on the result.
        progress: A progress bar for each of the two passes.

    Raises:
        SpecError: If two scorers have the same name.
    """
    _require_own_names(scorers)
    parts = {_key(part): part for each in scorers for part in each.parts}
    by_leaves = {key: each for key, each in parts.items() if isinstance(each, LeafPart)}
    by_archs = {key: each for key, each in parts.items() if isinstance(each, ArchPart)}
    others = {key: each for key, each in parts.items() if key not in by_leaves | by_archs}
    found = {key: [measured_network([each], network)[0] for network in networks] for key, each in by_archs.items()}
    for teacher in dict.fromkeys(each.teacher for each in by_leaves.values()):
        own = {key: each for key, each in by_leaves.items() if each.teacher is teacher}
        compared = networks if teacher is None else [replace(network, teacher=teacher) for network in networks]
        found |= _leaf_outcomes(own, compared, cache, jobs, progress)
    alone = {key: each for key, each in others.items() if not each.needs.teacher}
    found |= _live_outcomes(alone, [network.key for network in networks], networks, cache, jobs, progress)
    untaught = {key: each for key, each in others.items() if each.needs.teacher}
    found |= _live_outcomes(untaught, [network.paired_key for network in networks], networks, cache, jobs, progress)
    values = np.empty((len(scorers), len(networks)))
    refusals = {}
    for row, each in enumerate(scorers):
        measures = [found[_key(part)] for part in each.parts]
        values[row] = joined_alike(each.join, np.array([[one.value for one in part] for part in measures]), networks)
        reason = next((one.reason for part in measures for one in part if one.reason), None)
        if reason is not None:
            refusals[each.name] = reason
    return Scored(values, refusals)


def joined_alike(join: Callable[[Floats], Floats], values: Floats, networks: Sequence[Network]) -> Floats:
    """Joins values within groups of networks that are `alike`: of the same space, task and initialisation.

    Args:
        join: From the values of a set, `(P, n)`, to its scores `(n,)`, like `Scorer.join`.
        values: `(P, A)`.
        networks: `A` networks.

    Returns:
        `(A,)`.
    """
    joined = np.empty(len(networks))
    for group in alike(networks):
        joined[group] = join(values[:, group])
    return joined


def _require_own_names(scorers: Sequence[Scorer]) -> None:
    names = [each.name for each in scorers]
    if twice := sorted({name for name in names if names.count(name) > 1}):
        raise SpecError(f"Two scorers have the name '{twice[0]}'; rename one of them by `proxy.renamed(name)`.")


def _key(part: Scorer) -> _Key:
    return part.identity or id(part)


def _leaf_outcomes(
    parts: Mapping[_Key, LeafPart],
    networks: Sequence[Network],
    cache: StatisticsCache,
    jobs: int,
    progress: Progress | None,
) -> dict[_Key, list[Outcome]]:
    """Scores of parts that read node values, which are collected for all parts at once.

    If a network lacks some of the values, each part is tried separately on this network.
    """
    if not parts:
        return {}
    wanted = list(dict.fromkeys(leaf for each in parts.values() for leaf in each.node_leaves))
    collected = collect_leaves_or_reasons(networks, wanted, cache, jobs=jobs, progress=progress)
    leaves = {place: each for place, each in enumerate(collected) if isinstance(each, Leaves)}
    refused = {place: each for place, each in enumerate(collected) if isinstance(each, str)}
    outcomes = {}
    for key, each in parts.items():
        outcomes[key] = dict(zip(leaves, evaluated(each, list(leaves.values())), strict=True))
        if len(parts) == 1 or not refused:
            alone = [Outcome(np.nan, reason) for reason in refused.values()]
        else:
            alone = _leaf_outcomes({key: each}, [networks[place] for place in refused], cache, jobs, None)[key]
        outcomes[key] |= dict(zip(refused, alone, strict=True))
    return {key: [found[place] for place in range(len(networks))] for key, found in outcomes.items()}


def _live_outcomes(
    parts: Mapping[_Key, Scorer],
    keys: Sequence[str],
    networks: Sequence[Network],
    cache: StatisticsCache,
    jobs: int,
    progress: Progress | None,
) -> dict[_Key, list[Outcome]]:
    """Scores of parts that need live networks, computed network by network, and cached under a key of each network."""
    if not parts:
        return {}
    digests = {key: text_digest(f"score {key}") for key in parts if isinstance(key, str)}
    # A separate key, since scores have no nodes and need not agree with the layout of a network's leaves.
    places = [f"{key} scores" for key in keys]
    stored = cache.get_many(places, list(digests.values()))
    found: dict[str, dict[_Key, Outcome]] = {
        place: {key: Outcome(*held[name].tolist()) for key, name in digests.items() if name in held}
        for place, held in stored.items()
    }
    first = dict(zip(reversed(places), reversed(networks), strict=True))
    pending = {place: [key for key in parts if key not in found[place]] for place in dict.fromkeys(places)}
    pending = {place: missing for place, missing in pending.items() if missing}
    if pending:
        tasks = (
            delayed(_network_outcomes)(first[place], [parts[key] for key in missing])
            for place, missing in pending.items()
        )
        computed: Iterable[list[Outcome]] = processes(min(jobs, len(pending)), return_as="generator")(tasks)
        computed = computed if progress is None else progress(computed, len(pending))
        with explained_loss():
            for (place, missing), outcomes in zip(pending.items(), computed, strict=True):
                found[place] |= zip(missing, outcomes, strict=True)
                kept = {digests[key]: each for key, each in zip(missing, outcomes, strict=True) if key in digests}
                values = {name: np.array([each.value]) for name, each in kept.items() if not each.reason}
                if values:
                    cache.put(place, values, {})
    return {key: [found[place][key] for place in places] for key in parts}


def _network_outcomes(network: Network, parts: Sequence[Scorer]) -> list[Outcome]:
    """Values of parts for one network; runs in a worker process."""
    with single_threaded():
        return measured_network(parts, network)


def score_together(
    scorers: Sequence[Scorer], model: nn.Module, images: Any, labels: Any, *, loss: BatchLoss | None = None
) -> dict[str, float]:
    """Scores one live model by several scorers, which share passes and intermediate results.

    Args:
        scorers: Scorers with distinct names.
        model: An untrained network, unchanged afterwards.
        images: Batch, shape `(B, C, H, W)`.
        labels: Class indices, shape `(B,)`; None if no scorer reads labels.
        loss: Loss of backward passes; the mean cross entropy by default.

    Returns:
        Score of each scorer, by name, identical to the score of the scorer alone; NaN without a finite value.

    Raises:
        CollectionError: If no scorer can be computed on this model with this batch.

    Warns:
        UnscoredWarning: If some scorers cannot be computed, which are NaN; gives the reason.

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
    _require_own_names(scorers)
    found = dict(zip((each.name for each in scorers), measured(scorers, model, images, labels, loss), strict=True))
    reasons = {name: each.reason for name, each in found.items() if each.reason}
    if reasons and len(reasons) == len(found):
        raise CollectionError(next(iter(reasons.values())))
    for name, reason in reasons.items():
        warnings.warn(f"'{name}' has no score: {reason}", UnscoredWarning, stacklevel=2)
    return {name: each.value for name, each in found.items()}
