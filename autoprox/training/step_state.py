"""State of a training between two steps, as the content of a safetensors file."""

import json
from collections.abc import Mapping, Sequence
from typing import Any

import safetensors.torch
import torch
from torch import nn
from torch.optim import Optimizer


def step_state(parameters: Sequence[nn.Parameter], optimizers: Sequence[Optimizer], facts: Mapping[str, Any]) -> bytes:
    """Packs parameters, moments of their optimisers and further facts.

    Args:
        parameters: All parameters that are trained.
        optimizers: Each trains a part of them.
        facts: All else that later steps depend on, as JSON-compatible data.

    Example:
        >>> weight = nn.Parameter(torch.ones(1))
        >>> state = step_state([weight], [torch.optim.Adam([weight])], {"done": 3})
        >>> restore_step_state(state, [weight], [torch.optim.Adam([weight])])
        {'done': 3}
    """
    tensors = {f"parameter {place}": value.detach() for place, value in enumerate(parameters)}
    for optimizer in optimizers:
        for place, value in enumerate(parameters):
            for name, moment in optimizer.state.get(value, {}).items():
                tensors[f"optimizer {name} {place}"] = moment
    found: bytes = safetensors.torch.save(tensors, {"state": json.dumps(facts)})
    return found


def restore_step_state(
    state: bytes, parameters: Sequence[nn.Parameter], optimizers: Sequence[Optimizer]
) -> dict[str, Any]:
    """Restores what `step_state` packed, in a training with the same arguments.

    Returns:
        The facts.

    Raises:
        Exception: Any error that a foreign state leads to; call it inside `autoprox.base.foreign.guarded`.
    """
    tensors = safetensors.torch.load(state)
    size = int.from_bytes(state[:8], "little")
    facts: dict[str, Any] = json.loads(json.loads(state[8 : 8 + size])["__metadata__"]["state"])
    with torch.no_grad():
        for place, parameter in enumerate(parameters):
            parameter.copy_(tensors[f"parameter {place}"])
    places = {id(parameter): place for place, parameter in enumerate(parameters)}
    moments: dict[int, dict[str, torch.Tensor]] = {}
    for key, moment in tensors.items():
        if key.startswith("optimizer "):
            _, name, number = key.split(" ")
            moments.setdefault(int(number), {})[name] = moment
    for optimizer in optimizers:
        trained = [places[id(value)] for group in optimizer.param_groups for value in group["params"]]
        known = optimizer.state_dict()
        known["state"] = {own: moments[place] for own, place in enumerate(trained) if place in moments}
        optimizer.load_state_dict(known)
    return facts
