"""Isolation of scores from the state of process and thread, which is fixed inside and restored afterwards."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from autoprox.base.threads import ONE_AT_A_TIME

DRAW_SEED = 20231215
"""An arbitrary seed: random numbers in a forward pass do not depend on earlier draws of the caller."""

_CPU = torch.device("cpu")


@contextmanager
def isolated(
    device: torch.device = _CPU, dtype: torch.dtype = torch.float32, *, seed: int = DRAW_SEED
) -> Iterator[None]:
    """Isolates a computation from the state of its process, and that state from the computation.

    All code that builds, trains or scores networks, or draws from torch's generators, runs inside.

    Inside, one Python thread runs at a time, gradients are recorded, and inference mode and autocasting are off. The
    default dtype is float32, or float64 for a model in float64. If the caller set a default device other than the CPU,
    the default device is that of the model. Generators start from a seed. Modules compiled by `torch.compile` run
    eagerly, so that hooks see all their parts.

    Args:
        device: Device of the computation.
        dtype: Data type of the computation.
        seed: Seed of the generators.

    Example:
        >>> with torch.no_grad(), isolated():
        ...     torch.is_grad_enabled(), torch.get_default_dtype()
        (True, torch.float32)
        >>> with isolated(seed=1):
        ...     first = torch.rand(2)
        >>> with isolated(seed=1):
        ...     bool((torch.rand(2) == first).all())
        True
    """
    with ExitStack() as stack:
        stack.enter_context(ONE_AT_A_TIME)
        own = [device] if device.type not in ("cpu", "meta") else []
        stack.enter_context(torch.random.fork_rng(own, device_type=device.type if own else "cuda"))
        stack.callback(torch.set_default_dtype, torch.get_default_dtype())
        torch.set_default_dtype(torch.float64 if dtype is torch.float64 else torch.float32)
        stack.enter_context(torch.inference_mode(mode=False))
        stack.enter_context(torch.enable_grad())
        for kind in {"cpu", device.type} - {"meta"}:
            stack.enter_context(torch.autocast(kind, enabled=False))
        if torch.get_default_device() != _CPU:
            # A device context slows every call inside it.
            stack.enter_context(device)
        if "torch._dynamo" in sys.modules:
            stack.enter_context(torch.compiler.set_stance("force_eager"))
        # Not torch.manual_seed, which also seeds the generators of other devices, and those are not restored.
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.default_generators[device.index or 0].manual_seed(seed)
        yield
