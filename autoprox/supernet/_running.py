"""A subnet as it runs: a network beside the shared parameters, which brings its gradients home."""

from collections.abc import Mapping
from typing import Any

import torch
from torch import Tensor, nn
from torch.autograd.function import once_differentiable

from autoprox.inspect.batch import logits_of
from autoprox.supernet._slots import Slot


class Running:
    """A network of the space that takes its parameters from shared ones, and adds its gradients to theirs.

    Cutting parameters out of shared ones within the graph would fill, for each cut, a gradient of the size of the
    shared one. Here the network has a graph of its own, as if it stood alone, and each of its gradients is added once,
    to its part.

    Args:
        network: As its space builds it.
        slots: Where each of its parameters lies.
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
        """The logits of images.

        Running statistics are those of one subnet: what a step of training notes in them is dropped.
        """
        if self.network.training != training:
            self.network.train(training)
        versions = [shared._version for _, _, shared in self._parts]
        with torch.no_grad():
            for own, window, _ in self._parts:
                # Where nothing was written since, a graph of an earlier call may still be followed back.
                (own.data if versions == self._versions else own).view(window.shape).copy_(window)
            kept = [buffer.clone() for buffer in self._buffers] if training else []
        self._versions = versions
        logits: Tensor
        if torch.is_grad_enabled():
            logits = _Subnet.apply(torch.zeros((), requires_grad=True), images, self)  # type: ignore[no-untyped-call]
        else:
            logits = logits_of(self.network(images))
        for buffer, before in zip(self._buffers, kept, strict=False):
            buffer.data.copy_(before)  # the graph holds it, and does not read it in training
        return logits

    def bring_home(self) -> None:
        """Moves the gradients of the network to parts of those of the shared parameters."""
        for own, window, shared in self._parts:
            if own.grad is None:
                continue
            if shared.grad is None:
                shared.grad = torch.zeros_like(shared)
            place = shared.grad.as_strided(window.shape, window.stride(), window.storage_offset())
            place.add_(own.grad.view(window.shape) if place.ndim != own.ndim else own.grad)
            own.grad = None


class _Subnet(torch.autograd.Function):
    """The network of a subnet as one step of the graph."""

    @staticmethod
    def forward(ctx: Any, _anchor: Tensor, images: Tensor, running: Running) -> Tensor:
        """Runs the network in a graph of its own. The anchor is what makes the outer graph reach it."""
        ctx.running, ctx.images = running, images.detach().requires_grad_(images.requires_grad)
        with torch.enable_grad():
            ctx.logits = logits_of(running.network(ctx.images))
        logits: Tensor = ctx.logits.detach()
        return logits

    @staticmethod
    @once_differentiable
    def backward(ctx: Any, gradient: Tensor) -> tuple[None, Tensor | None, None]:
        """Goes back through that graph."""
        torch.autograd.backward(ctx.logits, gradient)
        ctx.running.bring_home()
        return None, ctx.images.grad, None
