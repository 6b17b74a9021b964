"""Ranking of untrained models by a scorer, with their costs."""

from collections.abc import Callable, Iterable, Mapping, Sequence
from typing import Any

import numpy as np
import pandas as pd
import torch
from torch import Tensor, nn

from autoprox.api._bars import bar, unwrapped
from autoprox.api._given import scorers_of, taught
from autoprox.base.errors import SpecError
from autoprox.networks.latency import time_forward
from autoprox.networks.measuring import macs, parameters
from autoprox.search import Constraints
from autoprox.spaces import Arch, Space, load_space
from autoprox.spaces.costs import COSTS
from autoprox.spaces.task import DEFAULT_NUM_CLASSES

__all__ = ["COLUMNS", "rank"]

DEFAULT_SCORER = "synflow"
"""Published, needs no labels, and depends on both depth and width of a transformer."""
COLUMNS = ("params", "macs", "latency")
"""Columns with costs."""

SPREAD = "latency_spread"
"""Column with the interquartile range of the repeats over the latency, which is their median."""


def rank(
    models: Mapping[str, Any] | Sequence[Any],
    images: Any,
    labels: Any = None,
    *,
    scorer: Any = DEFAULT_SCORER,
    teacher: nn.Module | None = None,
    max: Mapping[str, float | str] | None = None,  # noqa: A002 - as in find and allocate
    space: Space | str | None = None,
    num_classes: int | None = None,
    seed: int = 0,
    threads: int = 1,
    progress: bool = True,
) -> pd.DataFrame:
    """Ranks untrained models by a score, and shows their costs.

    Args:
        models: Models by name, or a sequence of them. A model is a `torch.nn.Module`, or an architecture of `space`
            (an `Arch` or its genes), which is built.
        images: One batch, `(B, C, H, W)`, torch or NumPy.
        labels: Class indices `(B,)`; None if the scorer does not read them.
        scorer: A name or path that `autoprox.load` knows, or anything with `score(model, images, labels)`. The first
            one of a sequence decides.
        teacher: A network that the models are compared with, for scorers that compare (DisWOT, TVT).
        max: Upper bounds of `params`, `macs` or `latency`, such as `{"params": "10M", "latency": "50ms"}`. A model
            above one is shown last, without a rank.
        space: The space of architectures.
        num_classes: Classes that architectures are built for; as many as the labels show if None.
        seed: Seed for the initialisation of architectures.
        threads: Threads of torch while latency is measured.
        progress: Shows a progress bar if true.

    Returns:
        One row per model, named in the index, the best first. Columns: `rank`, one per scorer (`score` if there is one
        only, `params score` if it has the name of a cost), `params`, `macs` (multiply-accumulates per image), `latency`
        (seconds of a forward pass of one image on this machine, median of repeats) and `latency_spread` (interquartile
        range of the repeats over their median). A score that is undefined is NaN, and its model has no rank.

    Raises:
        SpecError: If there is no model, an architecture is given without a space, or a bound cannot be read.
        RegistryError: If there is no such scorer.
        CollectionError: If a scorer cannot be computed on any of the models.

    Example:
        >>> from torch import nn
        >>> models = {
        ...     width: nn.Sequential(nn.Flatten(), nn.Linear(64, width), nn.ReLU(), nn.Linear(width, 3))
        ...     for width in (8, 16, 32)
        ... }
        >>> images = np.ones((4, 1, 8, 8), "float32")
        >>> rank(models, images, scorer="params", max={"params": 2000}, progress=False)["rank"].fillna(0).to_dict()
        {16: 1, 8: 2, 32: 0}
    """
    scorers = [taught(each, teacher) for each in scorers_of(scorer).values()]
    batch = torch.as_tensor(images)
    builders = _builders(models, space, _classes(num_classes, labels), batch, seed)
    bounds = Constraints(**{f"max_{name}": value for name, value in (max or {}).items()})
    if unknown := [each.name for each in bounds.costs if each.name not in COLUMNS]:
        raise SpecError(f"A ranking has no column '{unknown[0]}'; bound one of {', '.join(COLUMNS)}.")
    built = {name: build() for name, build in builders.items()}
    wrapped = bar("scores", "model", shown=progress) or unwrapped
    rows: dict[str, Any] = {}
    for each in scorers:
        name = f"{each.name} score" if each.name in COLUMNS else each.name
        rows["score" if len(scorers) == 1 else name] = each.score_many(
            wrapped(list(built.values()), len(built)), batch, labels
        )
    costs = [_costs(model, batch[:1], threads) for model in built.values()]
    frame = pd.DataFrame(
        rows | {name: [each[name] for each in costs] for name in (*COLUMNS, SPREAD)}, index=list(built)
    )
    frame.index.name = "model"
    allowed = np.array([bounds.allow(each) for each in costs])
    return _ranked(frame, allowed)


def _ranked(frame: pd.DataFrame, allowed: Any) -> pd.DataFrame:
    """Sorts the frame by its first column; models that are not allowed have no rank and come last."""
    first = frame.columns[0]
    ranks = frame[first].where(allowed).rank(ascending=False, method="min")
    frame.insert(0, "rank", ranks.astype("Int64"))
    order = frame.assign(_score=-frame[first]).sort_values(["rank", "_score"], kind="stable", na_position="last")
    return order.drop(columns="_score")


def _classes(given: int | None, labels: Any) -> int:
    if given is not None:
        return given
    return DEFAULT_NUM_CLASSES if labels is None else int(torch.as_tensor(labels).max()) + 1


def _builders(
    models: Mapping[str, Any] | Sequence[Any], space: Space | str | None, classes: int, batch: Tensor, seed: int
) -> dict[str, Callable[[], nn.Module]]:
    """Builders of models, by name; a name that occurs twice gets a number."""
    if batch.ndim != 4:
        raise SpecError(f"The images have the shape {tuple(batch.shape)}; give one batch (B, C, H, W).")
    named: Iterable[tuple[Any, Any]]
    if isinstance(models, Mapping):
        named = models.items()
    else:
        named = ((f"{_name(each)} {place}", each) for place, each in enumerate(models, start=1))
    owner = None if space is None else load_space(space)
    found: dict[str, Callable[[], nn.Module]] = {}
    for name, each in named:
        if isinstance(each, nn.Module):
            found[name] = _given(each)
        elif isinstance(each, Arch | Mapping):
            if owner is None:
                raise SpecError(f"'{name}' is an architecture; name its space with `space`.")
            found[name] = _built(owner, owner.arch(each) if isinstance(each, Mapping) else each, classes, batch, seed)
        else:
            raise SpecError(f"'{name}' is a {type(each).__name__}; give a torch.nn.Module or an architecture.")
    if not found:
        raise SpecError("There is no model to rank; give at least one.")
    return found


def _name(model: Any) -> str:
    return f"architecture {model.arch_id}" if isinstance(model, Arch) else type(model).__name__


def _given(model: nn.Module) -> Callable[[], nn.Module]:
    return lambda: model


def _built(space: Space, arch: Arch, classes: int, batch: Tensor, seed: int) -> Callable[[], nn.Module]:
    return lambda: space.build(arch, classes, batch.shape[-1], batch.shape[1], seed=seed)


def _costs(model: nn.Module, image: Tensor, threads: int) -> dict[str, float]:
    """Parameters, multiply-accumulates and latency of a model; its training mode is restored."""
    before = {module: module.training for module in model.modules()}
    device = next((each.device for each in model.parameters()), image.device)
    image = image.to(device)
    try:
        model.eval()
        with torch.no_grad():
            counted = macs(model, image)
        timing = time_forward(model, image, threads)
        return {
            COSTS["params"].name: parameters(model),
            COSTS["macs"].name: counted,
            "latency": timing.median,
            SPREAD: timing.spread,
        }
    finally:
        for module, training in before.items():
            module.training = training
