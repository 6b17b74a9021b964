"""Base of all laws: the tested space, its networks, and a batch."""

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
"""Images of the batch, enough for every proxy."""


class AbstractLaws:
    """Laws of one space; a subclass names the space and may reduce the effort.

    Attributes:
        space: The space.
        num_classes: Number of classes of built networks.
        in_chans: Channels of their images.
        draws: Number of architectures per law of architectures.
        networks: Number of built networks per law of networks.
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
        """Runs all laws and returns their names; raises an AssertionError for a broken law."""
        for name in cls.laws():
            getattr(cls(), name)()
        return cls.laws()

    @property
    def task(self) -> TaskShape:
        """Task of built networks, with the smallest images of the space."""
        return self.space.own_task or TaskShape(self.num_classes, self.space.img_sizes[0], self.in_chans)

    def drawn(self, count: int | None = None) -> Iterator[tuple[Arch, np.random.Generator]]:
        """Yields architectures, each with a separate random generator."""
        for seed in range(self.draws if count is None else count):
            rng = np.random.default_rng(seed)
            yield self.space.sample(rng), rng

    def built(self, arch: Arch, seed: int = 0) -> nn.Module:
        """Builds the network of an architecture."""
        return self.space.build(arch, *self.task, seed=seed)

    def smallest(self) -> Arch:
        """Returns the smallest drawn architecture."""
        return min((arch for arch, _ in self.drawn()), key=lambda arch: self.space.counts(arch, *self.task).params)

    def noise(self) -> Task:
        """Returns a task with a batch of noise."""
        return noise_task("noise", *self.task)

    def images(self, count: int = IMAGES) -> Tensor:
        """Returns images `(count, C, H, W)`."""
        shape = (count, self.task.in_chans, self.task.img_size, self.task.img_size)
        return torch.from_numpy(np.random.default_rng(0).standard_normal(shape, dtype=np.float32))

    def labels(self, count: int = IMAGES) -> Tensor:
        """Returns labels `(count,)`."""
        return torch.arange(count) % self.task.num_classes

    def refusal(self, action: Callable[..., Any], *arguments: Any, **named: Any) -> str:
        """Returns the message of the AutoproxError that a call raises; empty if it raises none."""
        try:
            action(*arguments, **named)
        except AutoproxError as error:
            return str(error)
        return ""


def logits_of(output: Any) -> Tensor:
    """Returns the logits of a network: its output, or the attribute `logits` of it."""
    logits: Tensor = output if isinstance(output, Tensor) else output.logits
    return logits


def state_of(model: nn.Module) -> dict[str, Any]:
    """Returns the state of a model and of torch that a measurement must not change, for comparison by bits."""
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
    """Digests all parameters."""
    return hashlib.sha256(b"".join(each.detach().numpy().tobytes() for each in model.parameters())).hexdigest()
