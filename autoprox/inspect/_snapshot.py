"""State of a model: all that its modules and their hooks hold."""

import functools
import types
from collections import deque
from collections.abc import Iterable
from operator import is_
from typing import Any

import torch
from torch import Tensor, nn

_STANDARD = vars(nn.Module())
_CONTAINERS = tuple(name for name, value in _STANDARD.items() if isinstance(value, dict))
_DEPTH = 5
# How far containers and objects are followed from a module or a hook.
_ENDS = str | int | float | type | types.ModuleType | nn.Module | None
_BITS = {1: torch.uint8, 2: torch.int16, 4: torch.int32, 8: torch.int64}
# Contents are compared as integers, so that NaN equals itself and 0.0 differs from -0.0.


class Snapshot:
    """All that modules and their hooks lead to, as it is now.

    That is every attribute of every module (parameters, buffers, mode and hooks among them) with the containers,
    objects and functions that it leads to, and the content of every tensor there; of parameters `requires_grad` and
    `.grad` as well. Spectral normalisation by hooks and `torch.nn.utils.prune` keep a computed weight as an attribute;
    hooks of users keep tensors in containers, attributes and closures. What a hook notes in a list stays there: it may
    be a log.

    Contents are compared with a copy, because writes through `.data` leave no trace elsewhere.

    Args:
        model: The model.

    Example:
        >>> model = nn.Linear(2, 2)
        >>> model.calls = [1]
        >>> before = Snapshot(model)
        >>> model.calls.append(2)
        >>> before.restore()
        >>> model.calls
        [1]
    """

    def __init__(self, model: nn.Module) -> None:
        self._held: list[tuple[Any, Any]] = []
        self._empty: list[dict[Any, Any]] = []  # most containers of modules, which a model has by the hundred
        self._tensors: list[tuple[Tensor, Tensor, bool, Tensor | None]] = []
        self._seen: set[int] = set()
        hooks: list[dict[Any, Any]] = []
        for module in model.modules():
            held = vars(module)
            self._held.append((held, dict(held)))
            for name in _CONTAINERS:
                inner = held.get(name)
                if not inner:
                    self._empty += [] if inner is None else [inner]
                    continue
                self._held.append((inner, dict(inner)))
                if name.endswith("_hooks"):
                    hooks.append(inner)
                else:
                    self._follow(inner.values(), _DEPTH - 1)
            self._follow((value for name, value in held.items() if name not in _STANDARD), _DEPTH)
        kept = len(self._held)
        for inner in hooks:
            self._follow(inner.values(), _DEPTH)
        del self._held[kept:]

    def restore(self) -> None:
        """Puts back the same objects at the same places, and the contents of tensors, where something changed."""
        for empty in self._empty:
            if empty:
                empty.clear()
        for held, before in self._held:
            if isinstance(held, types.CellType):
                held.cell_contents = before
            elif isinstance(held, dict):
                if list(held) != list(before) or not all(map(is_, held.values(), before.values())):
                    held.clear()
                    held.update(before)
            elif len(held) != len(before) or not all(map(is_, held, before)):
                held.clear()
                held.extend(before)
        self._restore_tensors()

    def _restore_tensors(self) -> None:
        for tensor, content, requires_grad, grad in self._tensors:
            bits = _BITS.get(tensor.element_size(), tensor.dtype)
            # A write would invalidate a graph that the caller still holds.
            if not torch.equal(tensor.detach().view(bits), content.view(bits)):
                tensor.detach().copy_(content)
            if isinstance(tensor, nn.Parameter):
                if tensor.requires_grad is not requires_grad:
                    tensor.requires_grad_(requires_grad)
                if tensor.grad is not grad:
                    tensor.grad = grad

    def _follow(self, values: Iterable[Any], depth: int) -> None:
        for value in values:
            if id(value) in self._seen or isinstance(value, _ENDS):
                continue
            self._seen.add(id(value))
            if isinstance(value, Tensor):
                # The content of others can be neither copied nor put back.
                if value.layout is torch.strided and not value.is_inference() and not value.is_meta:
                    grad = value.grad if isinstance(value, nn.Parameter) else None
                    self._tensors.append((value, value.detach().clone(), value.requires_grad, grad))
            elif depth:
                self._follow(self._inside(value), depth - 1)

    def _inside(self, value: Any) -> list[Any]:
        """Objects that a container, a function or an object leads to; what can be put back of it is noted."""
        if isinstance(value, types.MethodType):
            return [value.__self__]
        if isinstance(value, functools.partial):
            return [value.func, *value.args, *value.keywords.values()]
        if isinstance(value, types.FunctionType):
            cells = [cell for cell in value.__closure__ or () if cell != types.CellType()]  # which is an empty one
            self._held += [(cell, cell.cell_contents) for cell in cells]
            return [cell.cell_contents for cell in cells]
        if isinstance(value, tuple):
            return list(value)
        if isinstance(value, list | deque):
            self._held.append((value, list(value)))
            return list(value)
        held = value if isinstance(value, dict) else getattr(value, "__dict__", None)
        if not isinstance(held, dict):
            return []
        self._held.append((held, dict(held)))
        return list(held.values())
