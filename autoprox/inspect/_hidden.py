"""State of modules besides parameters and buffers: attributes, and tensors of hooks."""

import functools
import types
from collections import deque
from collections.abc import Callable, Iterable
from typing import Any

import torch
from torch import Tensor, nn

_MACHINERY = frozenset(nn.Module().__dict__)
# Attributes of every module, such as `training` and the parameters, which are saved elsewhere.
_HOOKS = ("_forward_pre_hooks", "_forward_hooks", "_backward_pre_hooks", "_backward_hooks")
_DEPTH = 4
# Depth to which containers and objects are followed from a module or a hook.


class Hidden:
    """Snapshot of the attributes of modules, of everything reachable from them, and of the tensors in hooks.

    Spectral normalisation by hooks and `torch.nn.utils.prune` store a computed weight as an attribute; hooks of users
    store tensors in containers, attributes and closures. Entries that a hook adds to a list are kept, because the list
    may be a log.

    Args:
        model: The model.

    Example:
        >>> model = nn.Linear(2, 2)
        >>> model.calls = [1]
        >>> hidden = Hidden(model)
        >>> model.calls.append(2)
        >>> hidden.restore()
        >>> model.calls
        [1]
    """

    def __init__(self, model: nn.Module) -> None:
        self.tensors: list[Tensor] = []
        self._undo: list[Callable[[], None]] = []
        self._seen: set[int] = set()
        for module in model.modules():
            own = {key: value for key, value in module.__dict__.items() if key not in _MACHINERY}
            if own:
                self._undo.append(functools.partial(_restore_attributes, module.__dict__, own, _MACHINERY))
                self._follow_all(own.values(), _DEPTH)
        kept = len(self._undo)
        for module in model.modules():
            for kind in _HOOKS:
                self._follow_all(module.__dict__[kind].values(), _DEPTH)
        del self._undo[kept:]

    def restore(self) -> None:
        """Restores the same objects at the same places; the caller restores the contents of tensors."""
        for undo in self._undo:
            undo()

    def _follow_all(self, values: Iterable[Any], depth: int) -> None:
        for value in values:
            if not isinstance(value, str | int | float | bool | type | types.ModuleType | nn.Module | None):
                self._follow(value, depth)

    def _follow(self, value: Any, depth: int) -> None:
        if id(value) in self._seen or not depth:
            return
        self._seen.add(id(value))
        if isinstance(value, Tensor):
            self.tensors.append(value)
        elif isinstance(value, dict):
            self._undo.append(functools.partial(_restore_dict, value, dict(value)))
            self._follow_all(list(value.values()), depth - 1)
        elif isinstance(value, list | deque):
            self._undo.append(functools.partial(_restore_list, value, list(value)))
            self._follow_all(list(value), depth - 1)
        elif isinstance(value, tuple):
            self._follow_all(value, depth - 1)
        elif isinstance(value, types.FunctionType | types.MethodType | functools.partial):
            self._follow_callable(value, depth)
        elif isinstance(held := getattr(value, "__dict__", None), dict):
            self._undo.append(functools.partial(_restore_attributes, held, dict(held), frozenset()))
            self._follow_all(list(held.values()), depth - 1)

    def _follow_callable(
        self, value: types.FunctionType | types.MethodType | functools.partial[Any], depth: int
    ) -> None:
        if isinstance(value, types.MethodType):
            self._follow_all([value.__self__], depth)
        elif isinstance(value, functools.partial):
            self._follow_all([value.func, *value.args, *value.keywords.values()], depth)
        else:
            for cell in value.__closure__ or ():
                self._follow_cell(cell, depth)

    def _follow_cell(self, cell: types.CellType, depth: int) -> None:
        try:
            content = cell.cell_contents
        except ValueError:  # still empty
            return
        self._undo.append(functools.partial(setattr, cell, "cell_contents", content))
        self._follow_all([content], depth)


def _restore_attributes(held: dict[str, Any], before: dict[str, Any], machinery: frozenset[str]) -> None:
    for key in [key for key in held if key not in before and key not in machinery]:
        del held[key]
    for key, value in before.items():
        if held.get(key) is not value:
            held[key] = value


def _restore_dict(held: dict[Any, Any], before: dict[Any, Any]) -> None:
    if list(held) != list(before) or any(held[key] is not value for key, value in before.items()):
        held.clear()
        held.update(before)


def _restore_list(held: list[Any] | deque[Any], before: list[Any]) -> None:
    if len(held) != len(before) or any(a is not b for a, b in zip(held, before, strict=True)):
        held.clear()
        held.extend(before)


def can_be_kept(tensor: Tensor) -> bool:
    """Returns True if the content of a tensor can be copied and restored."""
    return tensor.layout is torch.strided and not tensor.is_inference() and tensor.device.type != "meta"
