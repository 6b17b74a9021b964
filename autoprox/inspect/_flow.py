"""Data flow of a forward pass: which nodes it calls, in which order, and what each of them reads.

Every tensor carries marks of the nodes that it comes from. Most functions hand on the marks of what they take; the
output of a linear node has the mark of that node alone, so the marks of a tensor name the linear nodes that are nearest
behind it. Attention is known by what it is: a product of two computed tensors, its softmax, and the product of that,
perhaps after dropout or a mixing of heads, with values.
"""

from collections.abc import Callable, Iterator
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from autoprox.inspect.calls import NO_MARKS, Flow, Marks, Recorder, Step, leaf_of
from autoprox.inspect.functions import FUSED_ATTENTION, CallMode, Function
from autoprox.inspect.nodes import Site, declared_roles

_PRODUCTS = frozenset({"matmul", "__matmul__", "__rmatmul__", "bmm", "baddbmm", "einsum"})
_PRODUCT = "product"
_SOFTMAX = "softmax"
_IMAGES = "images"


def marked(marks: Marks, site: Site) -> frozenset[str]:
    """Names of the nodes of a site among marks.

    Example:
        >>> sorted(marked(frozenset({("linear", "fc"), ("norm", "ln")}), Site.LINEAR))
        ['fc']
    """
    return frozenset(name for kind, name in marks if kind == site)


def touches_images(step: Step) -> bool:
    """Whether something comes to the node from the images with nothing linear between."""
    return (_IMAGES, "") in step.reads


def reads_images(step: Step) -> bool:
    """Whether all that comes to the node comes so."""
    return touches_images(step) and not marked(step.reads, Site.LINEAR)


def trace(network: nn.Module, images: Tensor, output_of: Callable[[Any], Any]) -> Flow:
    """Runs a network once and notes what it does. Nothing is restored: see `autoprox.inspect.find_nodes`.

    Args:
        network: The network.
        images: What it takes.
        output_of: What of its output matters, the logits for instance.

    Example:
        >>> network = nn.Sequential(nn.Flatten(), nn.Linear(4, 3), nn.GELU(), nn.Linear(3, 2))
        >>> flow = trace(network, torch.ones(1, 1, 2, 2), lambda output: output)
        >>> [(step.name, sorted(name for _, name in step.reads)) for step in flow.steps.values()]
        [('1', ['']), ('2', ['1']), ('3', ['1', '2'])]
    """
    return _Tracer(network).trace(images, output_of)


class _Tracer(Recorder):
    """Follows marks through one forward pass.

    Args:
        network: The network.
    """

    def __init__(self, network: nn.Module) -> None:
        super().__init__(network)
        # Weak, for intermediate tensors are many and large; by identity, for tensors compare element by element.
        self._marks: Any = WeakTensorKeyDictionary()
        self._products: list[tuple[Marks, Marks]] = []
        self._confirmed: set[str] = set()
        self._images: Tensor | None = None

    def trace(self, images: Tensor, output_of: Callable[[Any], Any]) -> Flow:
        """Runs the network; see `trace`."""
        if images.is_floating_point():
            self._images = leaf_of(images)
            images = self._images.clone()
        self._marks[images] = frozenset({(_IMAGES, "")})
        output = self.run(images)
        declared = declared_roles(self._network)
        for name, step in list(self.steps.items()):
            known = name in self._confirmed or (step.call is None and declared[name] is not None)
            if step.site is Site.ATTENTION and not known:
                del self.steps[name]
        return Flow(self.steps, self._marks_of(output_of(output)))

    def _module(self, module: nn.Module, args: Any, kwargs: Any, output: Any) -> None:
        self._note(self._module_step(module), (args, kwargs), output)

    def _function(
        self, mode: CallMode, function: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]
    ) -> Any:
        """Calls a function, and marks what it gives."""
        step = self._function_step(mode, name, args, kwargs)
        given = self._marks_of((args, kwargs))
        output = function(*args, **kwargs)
        if not torch.is_grad_enabled():
            # What comes out of a custom kernel is not known to come from what goes in.
            return output
        if name in _PRODUCTS:
            self._mark(output, self._product(name, args, kwargs))
        elif name == FUSED_ATTENTION and step is not None:
            step.operands += [self._marks_of(each) for each in [*args, *kwargs.values()][:3]]
            self._confirmed.add(step.name)
            self._mark(output, frozenset({(Site.ATTENTION, step.name)}))
        elif step is not None:
            self._note(step, (args[:1], kwargs.get("input")), output)
        elif name == "__setitem__":
            self._mark(args[0], given)
        else:
            self._mark(output, given)
        return output

    def _note(self, step: Step, given: Any, output: Any) -> None:
        reads = self._marks_of(given)
        step.reads |= reads
        if not reads and self._images is not None:
            step.unseen |= any(_reaches(tensor, self._images) for tensor in _tensors(given))
        own: Marks = frozenset({(step.site, step.name)})
        if step.site is Site.LINEAR:
            # The mixing of heads is linear and lies between product, softmax and values.
            self._mark(output, own | {mark for mark in reads if mark[0] in (_PRODUCT, _SOFTMAX)})
        elif step.site is Site.ATTENTION:
            products = [self._products[int(name)] for kind, name in reads if kind == _PRODUCT]
            step.operands += [marks for pair in products for marks in pair]
            self._mark(output, frozenset({(_SOFTMAX, step.name)}) if products else reads)
        else:
            self._mark(output, reads | own)

    def _product(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Marks:
        """Marks of a matrix product: scores of keys for queries, values weighed by attention, or neither."""
        operands = list(_tensors((args[1:] if name == "baddbmm" else args, kwargs)))
        marks = [self._marks_of(each) for each in operands]
        union = NO_MARKS.union(*marks)
        if len(operands) != len(("left", "right")):
            return union
        for probabilities, values in (marks, reversed(marks)):
            weighing = [node for kind, node in probabilities if kind == _SOFTMAX and (kind, node) not in values]
            if weighing:
                self._confirmed.update(weighing)
                for node in weighing:
                    self.steps[node].operands.append(values)
                return frozenset((Site.ATTENTION, node) for node in weighing)
        if all(marks):
            self._products.append((marks[0], marks[1]))
            return union | {(_PRODUCT, str(len(self._products) - 1))}
        return union

    def _mark(self, output: Any, marks: Marks) -> None:
        for tensor in _tensors(output):
            if not isinstance(tensor, nn.Parameter):
                self._marks[tensor] = marks

    def _marks_of(self, values: Any) -> Marks:
        return NO_MARKS.union(*(self._marks.get(tensor, NO_MARKS) for tensor in _tensors(values)))


def _reaches(tensor: Tensor, leaf: Tensor) -> bool:
    """Whether a gradient at a tensor flows on to a leaf, also through functions that torch does not override."""
    seen: set[Any] = {None}
    pending = [tensor.grad_fn]
    while pending:
        node: Any = pending.pop()
        if node not in seen:
            seen.add(node)
            if getattr(node, "variable", None) is leaf:
                return True
            pending.extend(before for before, _ in node.next_functions)
    return False


def _tensors(values: Any) -> Iterator[Tensor]:
    """All tensors in nested tuples, lists and mappings."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for each in values:
            yield from _tensors(each)
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
