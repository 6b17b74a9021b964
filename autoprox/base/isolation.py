"""State of process and thread that must not change a score: fixed meanwhile, restored afterwards."""

import sys
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

import torch

from autoprox.base.threads import ONE_AT_A_TIME

DRAW_SEED = 20231215
"""Any number does: where a model draws in its forward pass, it draws the same whatever the caller drew before."""

_CPU = torch.device("cpu")


@contextmanager
def isolated(
    device: torch.device = _CPU, dtype: torch.dtype = torch.float32, *, seed: int = DRAW_SEED
) -> Iterator[None]:
    """Keeps what surrounds a computation from changing it, and the computation from changing that.

    Whatever builds, trains or scores networks, or draws from torch's generators, runs inside.

    Inside: one thread of Python at a time; gradients recorded; no inference mode, no autocasting; the default dtype is
    float32, or float64 for a model in float64; the default device is that of the model if the caller set another than
    the CPU; generators start from a seed; what was compiled by `torch.compile` runs as it was written, so that
    everything in it can be seen.

    Args:
        device: Where the computation runs.
        dtype: What it runs in.
        seed: What the generators start from.

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
        # Not torch.manual_seed, which would seed the generators of other devices too; they would not be restored.
        torch.default_generator.manual_seed(seed)
        if device.type == "cuda":
            torch.cuda.default_generators[device.index or 0].manual_seed(seed)
        yield
