"""Proxy of channel saliency from Fisher pruning."""

from torch import nn

from autoprox.inspect.nodes import Site
from autoprox.scorers._subject import Subject
from autoprox.scorers.zoo._zoo_proxies import function_proxy


@function_proxy(
    "fisher",
    "Theis 2018, Faster gaze prediction with dense networks and Fisher pruning, https://arxiv.org/abs/1801.05787, as a"
    " proxy in Abdelfattah 2021.",
    passes=("forward", "backward"),
    labels=True,
)
def fisher(subject: Subject) -> float:
    """Sum over linear layers and their channels of half the mean over images of (sum of output * gradient)**2.

    As published the sum inside the square runs over the positions of an image; for tokens these are the tokens, so a
    channel is judged as a whole, as it would be pruned. Gradients are those of the mean loss, as in the published code.
    """
    found = subject.collect("output", "output_grad")
    pairs = zip(found.tensors["output"], found.tensors["output_grad"], strict=True)
    total = 0.0
    for node, (output, gradient) in zip(subject.at(Site.LINEAR), pairs, strict=True):
        saliency = output.double() * gradient.double()
        if isinstance(node.module, nn.Conv1d | nn.Conv2d | nn.Conv3d):
            saliency = saliency.movedim(1, -1)
        of_channels = saliency.reshape(len(subject.images), -1, saliency.shape[-1]).sum(dim=1)
        total += float(of_channels.square().mean(dim=0).sum()) / 2
    return total
