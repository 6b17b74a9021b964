"""Allocation proxies of the Hessian, of outputs, and of logits."""

from collections.abc import Callable

import numpy as np
import torch
from torch import Tensor
from torch.func import functional_call
from torch.nn.attention import SDPBackend, sdpa_kernel

from autoprox.base.arrays import Floats
from autoprox.base.errors import CollectionError
from autoprox.compress._allocation_proxy import BOTH, Probe, allocation_proxy
from autoprox.compress._linear_maps import LinearMap, watch
from autoprox.compress._replay import replays
from autoprox.compress._sensitivities import EMQ, FORWARD
from autoprox.statistics.passes.losses import loss_value

POWER_STEPS = 10
"""Number of steps of the power iteration."""
TRACE_DRAWS = 8
"""Number of draws of random signs to average the trace over."""


@allocation_proxy(
    "hawq",
    f"HAWQ (Dong 2019, https://arxiv.org/abs/1905.03696): the top eigenvalue times bits, as in {EMQ}.",
    passes=("hessian",),
    labels=True,
    small=True,
)
def hawq(probe: Probe) -> Floats:
    """Sum over maps of the top eigenvalue of the Hessian of the loss at the weight alone, times bits.

    Ten steps of power iteration from a fixed draw; the value is the Rayleigh quotient of the last vector.
    """
    weights, gradients = _with_graph(probe)
    found: dict[LinearMap, float] = {}
    for each, weight, gradient in zip(probe.maps, weights, gradients, strict=True):
        vector = probe.subject.noise(f"hawq {each.name}", weight)
        quotient = 0.0
        for _ in range(POWER_STEPS):
            vector = vector / vector.norm().clamp(min=torch.finfo(vector.dtype).tiny)
            product = _product([gradient], [weight], [vector])[0]
            quotient = float((vector * product).sum())
            vector = product
        found[each] = quotient
    return probe.times_bits(found)


@allocation_proxy(
    "hawq_v2",
    "HAWQ-V2 (Dong 2020, https://arxiv.org/abs/1911.03852): mean trace of the Hessian times the squared change.",
    genes=BOTH,
    passes=("hessian",),
    sign=-1,
    labels=True,
    small=True,
)
def hawq_v2(probe: Probe) -> Floats:
    """Sum over maps of the mean diagonal of the Hessian times the squared change of the weight, less is better.

    The trace is Hutchinson's, over eight draws of signs for all maps at once: what other maps add has mean zero.
    """
    weights, gradients = _with_graph(probe)
    traces = np.zeros(len(weights))
    for draw in range(TRACE_DRAWS):
        signs = [
            torch.where(probe.subject.noise(f"hawq_v2 {draw} {each.name}", weight) < 0, -1.0, 1.0).to(weight)
            for each, weight in zip(probe.maps, weights, strict=True)
        ]
        products = _product(gradients, weights, signs)
        traces += [float((sign * product).sum()) for sign, product in zip(signs, products, strict=True)]
    means = {each: trace / TRACE_DRAWS / each.size for each, trace in zip(probe.maps, traces.tolist(), strict=True)}
    return probe.table(lambda each, choice: means[each] * float(probe.change(each, choice).square().sum()))


@allocation_proxy(
    "output_kl",
    "Divergence of the logits when one group alone is compressed, as mixed-precision tools measure it.",
    genes=BOTH,
    passes=FORWARD,
    sign=-1,
)
def output_kl(probe: Probe) -> Floats:
    """Sum over groups of the mean Kullback-Leibler divergence from the trained network's prediction, less is better.

    Only weights are compressed. One forward pass for each choice of each group; blocks in
    front of the changed maps return their recorded outputs.
    """
    parts = replays(probe.subject.model, probe.subject.images, probe.maps)
    trained = torch.cat([each.logits for each in parts]).float().log_softmax(-1)
    rows = []
    for group in probe.space.groups:
        row = []
        for choice in probe.space.choices:
            weights = {each: probe.weight(each).detach() + probe.change(each, choice) for each in group.maps}
            found = torch.cat([each.logits_with(weights) for each in parts]).float().log_softmax(-1)
            row.append(float((trained.exp() * (trained - found)).sum(-1).mean()))
        rows.append(row)
    return np.array(rows)


@allocation_proxy(
    "qe", f"Quantisation entropy (Sun 2022, QE-Score), in the form log(deviation) times bits of {EMQ}.", passes=FORWARD
)
def qe(probe: Probe) -> Floats:
    """Sum over maps of the logarithm of the standard deviation of the output, times bits.

    The output is that of the weight, without bias, on the batch.
    """
    found: dict[LinearMap, list[Tensor]] = {}
    _outputs(probe, lambda each, output: found.setdefault(each, []).append(output.float().std()))
    return probe.times_bits({each: float(torch.stack(values).mean().log()) for each, values in found.items()})


@allocation_proxy(
    "ompq", "OMPQ (Ma 2023, https://arxiv.org/abs/2109.07865): orthogonality of layers times bits.", passes=FORWARD
)
def ompq(probe: Probe) -> Floats:
    """Sum over maps of `exp(-mean similarity to the other maps)` times bits.

    The similarity of two maps is the linear kernel alignment of their outputs over the images, without centring. In
    the paper the exponent has a factor that is set by hand; here it makes the sum of similarities a mean.
    """
    kernels: dict[LinearMap, Tensor] = {}

    def look(each: LinearMap, output: Tensor) -> None:
        rows = output.flatten(1).double()
        kernels[each] = kernels.get(each, torch.zeros(())) + rows @ rows.T

    _outputs(probe, look)
    flat = torch.stack([kernels[each].flatten() / kernels[each].norm() for each in probe.maps])
    similarity = (flat @ flat.T).sum(1) - 1
    weights = (-similarity / max(len(probe.maps) - 1, 1)).exp()
    return probe.times_bits(dict(zip(probe.maps, weights.tolist(), strict=True)))


def _outputs(probe: Probe, look: Callable[[LinearMap, Tensor], object]) -> None:
    """Runs one forward pass, and calls `look` with the output of each map without bias, layer by layer."""
    model = probe.subject.model

    def seen(each: LinearMap, inputs: Tensor) -> None:
        module = model.get_submodule(each.holders[0])
        bias = getattr(module, "bias", None)
        without = {"bias": torch.zeros_like(bias)} if isinstance(bias, Tensor) else {}
        if not calling:
            calling.append(each)
            look(each, functional_call(module, without, (inputs,)))
            calling.clear()

    calling: list[LinearMap] = []
    watch(model, probe.subject.images, probe.watched(), seen)


def _with_graph(probe: Probe) -> tuple[list[Tensor], list[Tensor]]:
    """The weights of all maps, and their gradients of the loss, which can be differentiated again."""
    subject = probe.subject
    weights: list[Tensor] = [probe.weight(each) for each in probe.maps]
    with sdpa_kernel(SDPBackend.MATH):  # fused attention has no second derivative
        loss = loss_value(subject.model(subject.images.clone()), subject.labels, subject.loss)
    return weights, list(torch.autograd.grad(loss, weights, create_graph=True))


def _product(gradients: list[Tensor], weights: list[Tensor], vectors: list[Tensor]) -> list[Tensor]:
    """Product of the Hessian with vectors.

    Raises:
        CollectionError: If the network has no second derivative.
    """
    try:
        found = torch.autograd.grad(gradients, weights, vectors, retain_graph=True, allow_unused=True)
    except RuntimeError as error:
        raise CollectionError(f"the network has no second derivative ({error}).") from error
    return [torch.zeros_like(w) if each is None else each.detach() for each, w in zip(found, weights, strict=True)]
