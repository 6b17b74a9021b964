"""Recalibration of batch normalisations: a supernet does not share their running statistics."""

import torch
from torch import Tensor, nn


@torch.no_grad()
def recalibrate(network: nn.Module, images: Tensor, batch_size: int = 100) -> nn.Module:
    """Sets the running statistics of batch normalisations, if any, to their means over batches.

    Args:
        network: A network, for example from `Supernet.extract`; in evaluation mode afterwards.
        images: `(N, C, H, W)`, training images.
        batch_size: Images per batch.

    Example:
        >>> norm = recalibrate(nn.BatchNorm2d(1), torch.full((4, 1, 2, 2), 3.0))
        >>> norm.running_mean.item(), norm.training
        (3.0, False)
    """
    norms = [module for module in network.modules() if isinstance(module, nn.modules.batchnorm._BatchNorm)]
    if not norms:
        return network.eval()
    momenta = [norm.momentum for norm in norms]
    for norm in norms:
        norm.reset_running_stats()
        norm.momentum = None  # a cumulative mean
    network.train()
    for batch in torch.split(images, batch_size):
        network(batch)
    for norm, momentum in zip(norms, momenta, strict=True):
        norm.momentum = momentum
    return network.eval()
