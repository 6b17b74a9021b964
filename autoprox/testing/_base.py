"""Base of all laws: the space that they are tried on, its networks, and a batch."""

import hashlib
from collections.abc import Callable, Iterator
from typing import Any, ClassVar

import numpy as np
import torch
from torch import Tensor, nn

from autoprox.base.errors import AutoproxError
from autoprox.spaces import Arch, Space
from autoprox.spaces.task import Task, TaskShape, noise_task

IMAGES = 8
"""Images of the batch: as many as every proxy needs, and a few more."""


class AbstractLaws:
    """Laws of one space; a subclass names it, and may name smaller tasks.

    Attributes:
        space: The space.
        num_classes: Classes of the networks that are built.
        in_chans: Channels of their images.
        draws: Architectures that a law of architectures is tried on.
        networks: Architectures that are built for a law of networks.
    """

    space: Space
    num_classes: ClassVar[int] = 7
    in_chans: ClassVar[int] = 1
    draws: ClassVar[int] = 8
    networks: ClassVar[int] = 3

    @classmethod
    def laws(cls) -> list[str]:
        """The names of all laws, sorted."""
        return sorted(name for name in dir(cls) if name.startswith("test_"))

    @classmethod
    def check(cls) -> list[str]:
        """Runs all laws; an AssertionError says which one is broken, and the result names those that hold."""
        for name in cls.laws():
            getattr(cls(), name)()
        return cls.laws()

    @property
    def task(self) -> TaskShape:
        """Task that networks are built for: the smallest images of the space."""
        return self.space.own_task or TaskShape(self.num_classes, self.space.img_sizes[0], self.in_chans)

    def drawn(self, count: int | None = None) -> Iterator[tuple[Arch, np.random.Generator]]:
        """Architectures, each with a generator of its own."""
        for seed in range(self.draws if count is None else count):
            rng = np.random.default_rng(seed)
            yield self.space.sample(rng), rng

    def built(self, arch: Arch, seed: int = 0) -> nn.Module:
        """The network of an architecture."""
        return self.space.build(arch, *self.task, seed=seed)

    def smallest(self) -> Arch:
        """The smallest of the architectures that are drawn."""
        return min((arch for arch, _ in self.drawn()), key=lambda arch: self.space.counts(arch, *self.task).params)

    def noise(self) -> Task:
        """A task with a batch of noise."""
        return noise_task("noise", *self.task)

    def images(self, count: int = IMAGES) -> Tensor:
        """Images `(count, C, H, W)`."""
        shape = (count, self.task.in_chans, self.task.img_size, self.task.img_size)
        return torch.from_numpy(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))

    def labels(self, count: int = IMAGES) -> Tensor:
        """Labels `(count,)`."""
        return torch.arange(count) % self.task.num_classes

    def refusal(self, action: Callable[..., Any], *arguments: Any, **named: Any) -> str:
        """Message of the error of autoprox that a call raises; empty if it raises no error."""
        try:
            action(*arguments, **named)
        except AutoproxError as error:
            return str(error)
        return ""


def logits_of(output: Any) -> Tensor:
    """The logits of a network: its output, or what stands under that name in it."""
    logits: Tensor = output if isinstance(output, Tensor) else output.logits
    return logits


def state_of(model: nn.Module) -> dict[str, Any]:
    """State of a model, and of torch around it, that a measurement must not change, compared by bits."""
    held = {**dict(model.named_parameters()), **dict(model.named_buffers())}
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks")
    return {
        "tensors": {name: (id(each), each.detach().numpy().tobytes()) for name, each in held.items()},
        "gradients": {name: (id(each.grad), each.requires_grad) for name, each in model.named_parameters()},
        "modes": [module.training for module in model.modules()],
        "hooks": [[list(getattr(module, name)) for name in hooks] for module in model.modules()],
        "generator": torch.get_rng_state().numpy().tobytes(),
        "grad enabled": torch.is_grad_enabled(),
    }


def digest_of(model: nn.Module) -> str:
    """Digest of all parameters."""
    return hashlib.sha256(b"".join(each.detach().numpy().tobytes() for each in model.parameters())).hexdigest()
