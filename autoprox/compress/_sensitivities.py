"""Allocation proxies of counts, gradients and outputs; each pass holds data of one layer at a time."""

from collections.abc import Callable
from contextlib import ExitStack

import numpy as np
import torch
from torch import Tensor, nn
from torch.func import functional_call
from torch.utils.hooks import RemovableHandle

from autoprox.base.arrays import Floats
from autoprox.compress._allocation_proxy import BOTH, Probe, allocation_proxy
from autoprox.compress._linear_maps import LinearMap
from autoprox.compress._lowrank_space import LowRankSpace, rank_of
from autoprox.compress._quantised_space import QuantisedSpace
from autoprox.statistics.passes.losses import loss_value

EMQ = "Dong 2023, EMQ, https://arxiv.org/abs/2307.10554"
FORWARD, BACKWARD = ("forward",), ("forward", "backward")


# --- counts -----------------------------------------------------------------------------------------------------------


@allocation_proxy("params_bits", f"Parameters times bits, the size of the network: a baseline of {EMQ}.")
def params_bits(probe: Probe) -> Floats:
    """Sum over maps of parameters times bits."""
    return probe.times_bits({found: float(found.size) for found in probe.maps})


@allocation_proxy("bit_operations", f"Bit operations: a baseline of {EMQ}.")
def bit_operations(probe: Probe) -> Floats:
    """Sum over maps of multiply-accumulates times the bits of the weight and of what comes in."""
    space = probe.space
    assert isinstance(space, QuantisedSpace)
    return probe.times_bits({found: float(found.macs * space.input_bits(found)) for found in probe.maps})


# --- singular energy --------------------------------------------------------------------------------------------------


@allocation_proxy("singular_energy", "Kept part of the squared singular values.", genes=("ranks",))
def singular_energy(probe: Probe) -> Floats:
    """Sum over maps of the part of the squared singular values that the rank keeps."""
    return _kept(probe, "weight_energy")


@allocation_proxy("output_energy", "Kept part of the energy of outputs on the images.", genes=("ranks",))
def output_energy(probe: Probe) -> Floats:
    """Sum over maps of the part of the squared output, without bias, that the rank keeps on the space's images."""
    return _kept(probe, "output_energy")


def _kept(probe: Probe, which: str) -> Floats:
    space = probe.space
    assert isinstance(space, LowRankSpace)
    return probe.table(lambda found, ratio: space.kept(found, rank_of(found, ratio))[which])


# --- gradients --------------------------------------------------------------------------------------------------------


@allocation_proxy("snip_bits", f"SNIP (Lee 2019) times bits, as in {EMQ}.", passes=BACKWARD, labels=True)
def snip_bits(probe: Probe) -> Floats:
    """Sum over maps of the absolute products of weight and gradient, times bits."""
    found: dict[LinearMap, float] = {}
    _backward(probe, lambda each, weight, gradient: found.update({each: float((weight * gradient).abs().sum())}))
    return probe.times_bits(found)


@allocation_proxy("synflow_bits", f"Synflow (Tanaka 2020) times bits, as in {EMQ}.", passes=("synflow",))
def synflow_bits(probe: Probe) -> Floats:
    """Sum over maps of |weight| times the gradient at it of the summed logits of ones, times bits."""
    gradients = probe.at_maps("synflow_weight_grad")
    return probe.times_bits(
        {found: float((probe.weight(found).detach().double().abs() * gradients[found]).sum()) for found in probe.maps}
    )


@allocation_proxy(
    "fisher_bits",
    f"Fisher (Turner 2020, in the form of zero-cost-nas) times bits, as in {EMQ}.",
    passes=BACKWARD,
    labels=True,
)
def fisher_bits(probe: Probe) -> Floats:
    """Sum over maps of half the squared saliency of output channels, times bits.

    The saliency of a channel is the sum over positions of output times gradient; squares are averaged over images.
    """
    found = dict.fromkeys(probe.watched(), 0.0)

    def look(each: LinearMap, module: nn.Module, _inputs: Tensor, output: Tensor, gradient: Tensor) -> None:
        product = output * gradient
        if isinstance(module, nn.modules.conv._ConvNd):
            saliency = product.flatten(2).sum(2)
        else:
            saliency = product.reshape(len(product), -1, product.shape[-1]).sum(1)
        found[each] += float(0.5 * saliency.square().sum(1).mean())

    _backward_at_outputs(probe, look)
    return probe.times_bits(found)


@allocation_proxy(
    "gradient_score",
    "The score of AutoQuantize in NVIDIA's Model Optimizer: squared gradient times squared change of the output.",
    genes=BOTH,
    passes=BACKWARD,
    sign=-1,
    labels=True,
)
def gradient_score(probe: Probe) -> Floats:
    """Sum over maps, positions and channels of squared gradient times squared change of the output, less is better.

    The change is that of the weight alone. One forward and one backward pass serve all choices.
    """
    choices = probe.space.choices
    found = {each: np.zeros(len(choices)) for each in probe.watched()}

    def look(each: LinearMap, module: nn.Module, inputs: Tensor, _output: Tensor, gradient: Tensor) -> None:
        for place, choice in enumerate(choices):
            changed = {"weight": probe.change(each, choice)}
            if isinstance(getattr(module, "bias", None), Tensor):
                changed["bias"] = torch.zeros_like(module.bias)  # type: ignore[arg-type]
            change = functional_call(module, changed, (inputs,))
            found[each][place] += float((gradient * change).square().sum())

    _backward_at_outputs(probe, look)
    return probe.table(lambda each, choice: float(found[each][choices.index(choice)]))


# --- EMQ's released formula -------------------------------------------------------------------------------------------


@allocation_proxy(
    "emq", f"The formula that the code of {EMQ} names, in the likeliest order of its keys.", passes=("virtual",)
)
def emq(probe: Probe) -> Floats:
    """Sum over maps of softmax(log |virtual gradient|) times sqrt(relu(weight)), times bits.

    The code gives numbers of operations without their names; this reading takes the order of names in later code of the
    same author. The softmax is over all elements of the weight.
    """
    return _emq(probe, lambda gradient: gradient / gradient.sum())


@allocation_proxy("emq_rows", f"The same formula of {EMQ} with the softmax along inputs.", passes=("virtual",))
def emq_rows(probe: Probe) -> Floats:
    """As `emq`, with a softmax for each output channel; without the gradient where a channel has none."""
    return _emq(probe, lambda gradient: gradient / gradient.sum(1, keepdim=True).clamp(min=torch.finfo().tiny))


@allocation_proxy("emq_swapped", f"The same formula of {EMQ} with its inputs exchanged.", passes=("virtual",))
def emq_swapped(probe: Probe) -> Floats:
    """Sum over maps of softmax(log |weight|) times sqrt(relu(virtual gradient)), times bits."""
    gradients = probe.at_maps("virtual_weight_grad")
    found = {}
    for each in probe.maps:
        weight = probe.weight(each).detach().double().abs()
        found[each] = float((weight / weight.sum() * gradients[each].double().relu().sqrt()).sum())
    return probe.times_bits(found)


def _emq(probe: Probe, normalised: Callable[[Tensor], Tensor]) -> Floats:
    gradients = probe.at_maps("virtual_weight_grad")
    found = {}
    for each in probe.maps:
        # The softmax of a logarithm is the value divided by its sum.
        rows = gradients[each].double().abs().movedim(each.dim, 0).flatten(1)
        weight = probe.weight(each).detach().double().movedim(each.dim, 0).flatten(1)
        found[each] = float((normalised(rows) * weight.relu().sqrt()).sum())
    return probe.times_bits(found)


# --- passes -----------------------------------------------------------------------------------------------------------


def _backward(probe: Probe, look: Callable[[LinearMap, Tensor, Tensor], object]) -> None:
    """Runs a forward and a backward pass; calls `look` with each gradient, and frees it at once."""
    places = {id(probe.weight(found)): found for found in probe.maps}

    def seen(parameter: Tensor) -> None:
        found, gradient = places.get(id(parameter)), parameter.grad
        if found is not None and gradient is not None:
            look(found, parameter.detach(), gradient)
        parameter.grad = None

    with ExitStack() as hooks:
        for parameter in probe.subject.model.parameters():
            hooks.callback(parameter.register_post_accumulate_grad_hook(seen).remove)  # type: ignore[no-untyped-call]
        torch.autograd.backward(_loss(probe))


def _backward_at_outputs(probe: Probe, look: Callable[[LinearMap, nn.Module, Tensor, Tensor, Tensor], object]) -> None:
    """Runs one forward and one backward pass; calls `look` with inputs, output and output gradient of each map."""

    def hooked(found: LinearMap, module: nn.Module) -> RemovableHandle:
        def forward(_module: nn.Module, inputs: tuple[Tensor, ...], output: Tensor) -> None:
            kept_inputs, kept_output = inputs[0].detach(), output.detach()

            def backward(gradient: Tensor) -> None:
                with torch.no_grad():
                    look(found, module, kept_inputs, kept_output, gradient)

            output.register_hook(backward)  # type: ignore[no-untyped-call]

        return module.register_forward_hook(forward)

    with ExitStack() as hooks:
        for found in probe.maps:
            for holder in found.holders:
                hooks.callback(hooked(found, probe.subject.model.get_submodule(holder)).remove)
        loss = _loss(probe)
    _backward_of(probe, loss)


def _backward_of(probe: Probe, loss: Tensor) -> None:
    """Runs a backward pass without keeping gradients of parameters."""
    with ExitStack() as hooks:
        for parameter in probe.subject.model.parameters():
            hooks.callback(parameter.register_post_accumulate_grad_hook(_let_go).remove)  # type: ignore[no-untyped-call]
        torch.autograd.backward(loss)


def _let_go(parameter: Tensor) -> None:
    parameter.grad = None


def _loss(probe: Probe) -> Tensor:
    subject = probe.subject
    return loss_value(subject.model(subject.images.clone()), subject.labels, subject.loss)
