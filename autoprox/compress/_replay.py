"""Repeated forward passes of a network of which one layer changes: earlier blocks return their recorded outputs."""

from collections.abc import Iterator, Mapping, Sequence
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass
from typing import Any

import torch
from torch import Tensor, nn
from torch.func import functional_call

from autoprox.compress._linear_maps import LinearMap
from autoprox.inspect.batch import logits_of

_PART = 8
# Images of one pass: a third faster than 64 at once for a ViT-Ti of 224 px.
_ROUNDING = 1e-5
# Logits may differ by this share of the largest if the same sums are taken in another order.


@dataclass(frozen=True)
class _Block:
    """The output of a block, and the number of calls of modules that had started when it was returned."""

    module: nn.Module
    output: Tensor
    version: int
    end: int


class Replay:
    """One recorded forward pass.

    Blocks are the items of `nn.ModuleList` and `nn.Sequential` with at least two linear maps, which are called once and
    return one tensor. The outputs of all blocks are kept in memory.

    Args:
        model: A prepared network.
        images: A batch for it, `(B, C, H, W)`.
        maps: Its linear maps.

    Attributes:
        logits: The logits of the recorded pass, `(B, classes)`.
    """

    def __init__(self, model: nn.Module, images: Tensor, maps: Sequence[LinearMap]) -> None:
        self._model, self._images = model, images
        self._starts: dict[nn.Module, int] = {}
        self._blocks: list[_Block] = []
        self._calls = 0
        candidates = _blocks_of(model, maps)
        returned: dict[nn.Module, list[_Block | None]] = {each: [] for each in candidates}

        def starts(module: nn.Module, _inputs: object) -> None:
            self._starts.setdefault(module, self._calls)
            self._calls += 1

        def ends(module: nn.Module, _inputs: object, output: Any) -> None:
            is_plain = isinstance(output, Tensor)
            returned[module].append(_Block(module, output, output._version, self._calls) if is_plain else None)

        with ExitStack() as hooks:
            for module in model.modules():
                hooks.callback(module.register_forward_pre_hook(starts).remove)
            for module in candidates:
                hooks.callback(module.register_forward_hook(ends).remove)
            self.logits = self._logits({})
        for found in returned.values():
            # A tensor that a later layer has changed in place is no longer the output of the block.
            if len(found) == 1 and found[0] is not None and found[0].output._version == found[0].version:
                self._blocks.append(found[0])

    def logits_with(self, weights: Mapping[LinearMap, Tensor]) -> Tensor:
        """Returns the logits `(B, classes)` of the network with other weights of some of its maps."""
        with self._replayed(list(weights)):
            return self._logits({f"{each.holders[0]}.{each.weight}".lstrip("."): to for each, to in weights.items()})

    def _logits(self, weights: dict[str, Tensor]) -> Tensor:
        with torch.no_grad():
            logits: Tensor = logits_of(functional_call(self._model, weights, (self._images.clone(),)))
            return logits

    @contextmanager
    def _replayed(self, changed: Sequence[LinearMap]) -> Iterator[None]:
        """Lets the blocks that ended before the first use of the changed maps return their recorded outputs."""
        holders = [self._model.get_submodule(name) for each in changed for name in each.holders]
        known = all(each.watched for each in changed) and all(holder in self._starts for holder in holders)
        first = min(self._starts[holder] for holder in holders) if known else 0
        with ExitStack() as undo:
            for block in self._blocks:
                if block.end <= first:
                    block.module.forward = _returning(block.output)
                    undo.callback(delattr, block.module, "forward")
            yield


def replays(model: nn.Module, images: Tensor, maps: Sequence[LinearMap]) -> list[Replay]:
    """Recorded passes over parts of a batch, whose tensors fit into the caches of a processor.

    There is one pass over the whole batch if the images influence each other, as in a normalisation over the batch.
    """
    parts = [Replay(model, part, maps) for part in torch.split(images, _PART)]
    whole = Replay(model, images, maps)
    apart = torch.cat([each.logits for each in parts])
    slack = _ROUNDING * float(whole.logits.abs().max())
    return parts if torch.allclose(apart, whole.logits, rtol=0, atol=slack) else [whole]


def _returning(output: Tensor) -> Any:
    def forward(*_inputs: object, **_named: object) -> Tensor:
        return output

    return forward


def _blocks_of(model: nn.Module, maps: Sequence[LinearMap]) -> list[nn.Module]:
    """Repeated blocks: items of lists and sequences with at least two of the maps, and no forward pass of their own."""
    names = {id(module): name for name, module in model.named_modules()}
    holders = [name for each in maps for name in each.holders]
    items = {
        item: names[id(item)]
        for parent in model.modules()
        if isinstance(parent, nn.ModuleList | nn.Sequential)
        for item in parent.children()
    }
    return [
        item
        for item, name in items.items()
        if "forward" not in vars(item) and sum(each.startswith(f"{name}.") for each in holders) >= 2
    ]
