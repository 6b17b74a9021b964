"""Data flow of a forward pass: the nodes that it calls, in order, and the inputs of each.

Every tensor carries marks of the nodes that it depends on. Most functions pass the marks of their inputs on. The output
of a linear node has only the mark of that node, so the marks of a tensor name its nearest linear predecessors.
Attention is recognised by its computation: a product of two computed tensors, the softmax of the product, and the
product of the probabilities with values, possibly after dropout or a mixing of heads.
"""

from collections.abc import Callable, Iterator
from dataclasses import dataclass, field
from typing import Any

import torch
from torch import Tensor, nn
from torch.utils.weak import WeakTensorKeyDictionary

from autoprox.inspect.calls import Recorder, leaf_of
from autoprox.inspect.functions import FUSED_ATTENTION, Function
from autoprox.inspect.nodes import Node, Site, declared_roles, site_of

Mark = tuple[str, str]
"""A site and the name of a node of it, or one of the kinds below and a name."""

Marks = frozenset[Mark]
NO_MARKS: Marks = frozenset()

_PRODUCTS = frozenset({"matmul", "__matmul__", "__rmatmul__", "bmm", "baddbmm", "einsum"})
_PRODUCT = "product"
_SOFTMAX = "softmax"
_IMAGES = "images"


@dataclass(slots=True)
class Step:
    """A node as recorded in a forward pass.

    Args:
        name: As in `autoprox.inspect.nodes.Node`.
        path: Name of its module, or of the module with the calling forward pass.
        site: Kind of node.
        module: As in `Node`.
        whole: True for a module, False for a call of a function.
        reads: Marks of its inputs, over all its calls.
        operands: Marks of queries, keys and values, for attention.
        unseen: True if an input depends on the images in a way that the marks do not show.
    """

    name: str
    path: str
    site: Site
    module: nn.Module
    whole: bool
    reads: Marks = NO_MARKS
    operands: list[Marks] = field(default_factory=list)
    unseen: bool = False


@dataclass(frozen=True, slots=True)
class Flow:
    """A recorded forward pass.

    Args:
        nodes: Every called node by name, in the order of first calls, with the role OTHER. An undeclared softmax is
            included only if its result is multiplied with values.
        steps: The same nodes, as recorded.
        gives: Marks of the network's output.
    """

    nodes: dict[str, Node]
    steps: dict[str, Step]
    gives: Marks


def marked(marks: Marks, site: Site) -> frozenset[str]:
    """Returns the names of the nodes of a site among marks.

    Example:
        >>> sorted(marked(frozenset({("linear", "fc"), ("norm", "ln")}), Site.LINEAR))
        ['fc']
    """
    return frozenset(name for kind, name in marks if kind == site)


def touches_images(step: Step) -> bool:
    """Returns True if an input of the node comes from the images without a linear node in between."""
    return (_IMAGES, "") in step.reads


def reads_images(step: Step) -> bool:
    """Returns True if all inputs of the node come from the images without a linear node in between."""
    return touches_images(step) and not marked(step.reads, Site.LINEAR)


def trace(network: nn.Module, images: Tensor, output_of: Callable[[Any], Any]) -> Flow:
    """Runs a network once and records its data flow. Nothing is restored: see `autoprox.inspect.find_nodes`.

    Args:
        network: The network.
        images: Its input.
        output_of: Selects the relevant part of its output, such as the logits.

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
        self._steps: dict[str, Step] = {}
        # Weak, because intermediate tensors are many and large; by identity, because tensors compare elementwise.
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
        with self.attached():
            output = self._network(images)
        declared = declared_roles(self._network)
        for name, node in list(self.found.items()):
            known = name in self._confirmed or (node.holder is None and declared[name] is not None)
            if node.site is Site.ATTENTION and not known:
                del self.found[name], self._steps[name]
        return Flow(self.found, self._steps, self._marks_of(output_of(output)))

    def _leave(self, module: nn.Module, args: tuple[Any, ...], kwargs: dict[str, Any], output: Any) -> Any:
        super()._leave(module, args, kwargs, output)
        if site_of(module) is not None:
            self._follow(self._step(self._note(module)), (args, kwargs), output)

    def _function(self, function: Function, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Any:
        """Calls a function and marks its output."""
        node = self._note_call(name, args, kwargs)
        step = None if node is None else self._step(node)
        given = self._marks_of((args, kwargs))
        output = function(*args, **kwargs)
        if not torch.is_grad_enabled():
            # The output of a custom kernel may not depend on its inputs.
            return output
        if name in _PRODUCTS:
            self._mark(output, self._product(name, args, kwargs))
        elif name == FUSED_ATTENTION and step is not None:
            step.operands += [self._marks_of(each) for each in [*args, *kwargs.values()][:3]]
            self._confirmed.add(step.name)
            self._mark(output, frozenset({(Site.ATTENTION, step.name)}))
        elif step is not None:
            self._follow(step, (args[:1], kwargs.get("input")), output)
        elif name == "__setitem__":
            self._mark(args[0], given)
        else:
            self._mark(output, given)
        return output

    def _step(self, node: Node) -> Step:
        path = self._paths[id(node.module if node.holder is None else node.holder)]
        return self._steps.setdefault(node.name, Step(node.name, path, node.site, node.module, node.holder is None))

    def _follow(self, step: Step, given: Any, output: Any) -> None:
        reads = self._marks_of(given)
        step.reads |= reads
        if not reads and self._images is not None:
            step.unseen |= any(_reaches(tensor, self._images) for tensor in _tensors(given))
        own: Marks = frozenset({(step.site, step.name)})
        if step.site is Site.LINEAR:
            # The mixing of heads is linear and comes between product, softmax and values.
            self._mark(output, own | {mark for mark in reads if mark[0] in (_PRODUCT, _SOFTMAX)})
        elif step.site is Site.ATTENTION:
            products = [self._products[int(name)] for kind, name in reads if kind == _PRODUCT]
            step.operands += [marks for pair in products for marks in pair]
            self._mark(output, frozenset({(_SOFTMAX, step.name)}) if products else reads)
        else:
            self._mark(output, reads | own)

    def _product(self, name: str, args: tuple[Any, ...], kwargs: dict[str, Any]) -> Marks:
        """Returns the marks of a matrix product: attention scores, values weighted by attention, or neither."""
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
                    self._steps[node].operands.append(values)
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
    """True if the gradient of a tensor reaches a leaf, even through functions that torch does not override."""
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
    """Yields all tensors in nested tuples, lists and mappings."""
    if isinstance(values, Tensor):
        yield values
    elif isinstance(values, tuple | list):
        for each in values:
            yield from _tensors(each)
    elif isinstance(values, dict):
        yield from _tensors(list(values.values()))
