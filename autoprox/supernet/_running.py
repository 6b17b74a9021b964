"""Execution of a subnet: a separate network that adds its gradients to those of the shared parameters."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from autoprox.inspect.batch import logits_of
from autoprox.supernet._slots import Slot


class Running:
    """A network of the space that copies its parameters from shared ones, and adds its gradients to theirs.

    Slicing shared parameters within the graph would allocate, for each slice, a gradient of the size of the shared
    parameter. Instead, the network has a separate graph, and each of its gradients is added once to the matching part.

    Args:
        network: A network built by its space.
        slots: Slot of each of its parameters.
        shared: The shared parameters by name, in contiguous memory.
    """

    def __init__(self, network: nn.Module, slots: Mapping[str, Slot], shared: Mapping[str, nn.Parameter]) -> None:
        self.network = network
        example, given = next(iter(shared.values())), next(network.parameters())
        if (given.device, given.dtype) != (example.device, example.dtype):
            network.to(example)
        self._buffers = list(network.buffers())
        self._parts: list[tuple[nn.Parameter, Tensor, nn.Parameter]] = []
        self._versions: list[int] = []
        for name, own in network.named_parameters():
            held = shared[slots[name].shared]
            self._parts.append((own, slots[name].window(held.data), held))

    def __call__(self, images: Tensor, *, training: bool) -> Tensor:
        """Logits of images.

        Running statistics belong to a single subnet; their changes in a training step are discarded.
        """
        if self.network.training != training:
            self.network.train(training)
        versions = [shared._version for _, _, shared in self._parts]
        with torch.no_grad():
            for own, window, _ in self._parts:
                # If the shared parameters are unchanged, the graph of an earlier call stays valid for backward.
                (own.data if versions == self._versions else own).view(window.shape).copy_(window)
            kept = [buffer.clone() for buffer in self._buffers] if training else []
        self._versions = versions
        logits: Tensor
        if torch.is_grad_enabled():
            logits = _Subnet.apply(torch.zeros((), requires_grad=True), images, self)  # type: ignore[no-untyped-call]
        else:
            logits = logits_of(self.network(images))
        for buffer, before in zip(self._buffers, kept, strict=False):
            buffer.data.copy_(before)  # `data`, since the graph holds the buffer but does not read it in training
        return logits

    def bring_home(self) -> None:
        """Adds the gradients of the network to those of the shared parameters, and clears them."""
        for own, window, shared in self._parts:
            if own.grad is None:
                continue
            if shared.grad is None:
                shared.grad = torch.zeros_like(shared)
            place = shared.grad.as_strided(window.shape, window.stride(), window.storage_offset())
            place.add_(own.grad.view(window.shape) if place.ndim != own.ndim else own.grad)
            own.grad = None


class _Subnet(torch.autograd.Function):
    """The network of a subnet as one operation of the graph."""

    @staticmethod
    def forward(ctx: Any, _anchor: Tensor, images: Tensor, running: Running) -> Tensor:
        """Runs the network in a separate graph; the anchor connects it to the outer graph."""
        ctx.running, ctx.images = running, images.detach().requires_grad_(images.requires_grad)
        with torch.enable_grad():
            ctx.logits = logits_of(running.network(ctx.images))
        logits: Tensor = ctx.logits.detach()
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor | None, None]:
        """Backward pass through the separate graph."""
        torch.autograd.backward(ctx.logits, gradient)
        ctx.running.bring_home()
        return None, ctx.images.grad, None
