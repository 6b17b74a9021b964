"""The training loop and the final test, shared by students and teachers."""

from typing import Protocol

import torch
from torch import Tensor, nn

from autoprox.datasets import Dataset
from autoprox.datasets.base import Float32, Int64
from autoprox.training.recipe import Recipe

TEST_BATCH = 500
"""Batch size of the test, which bounds memory."""


class Guide(Protocol):
    """Additional term of the loss during training."""

    def parameters(self) -> list[nn.Parameter]:
        """Parameters of the term, which are trained together with the network."""
        ...

    def loss(self, batch: Tensor, logits: Tensor) -> Tensor:
        """The term for the images with the indices `batch`, `(B,)`, after the forward pass that gave `logits`."""
        ...


def fit(network: nn.Module, data: Dataset, recipe: Recipe, seed: int, guide: Guide | None = None) -> str:
    """Trains a network in place on the training images.

    Args:
        network: From images `(B, C, H, W)` to logits `(B, num_classes)`; images are copied to its device.
        data: The data set.
        recipe: The recipe.
        seed: Seed of the order of the images.
        guide: Additional term of the loss, if any.

    Returns:
        The reason of a failure; empty on success.
    """
    images, labels = _tensors(network, data.normalised(data.train_images), data.train_labels)
    generator = torch.Generator().manual_seed(seed)
    batches_per_epoch = -(-len(images) // recipe.batch_size)
    rates = iter(recipe.learning_rates(recipe.epochs * batches_per_epoch))
    parameters = [*network.parameters(), *(guide.parameters() if guide is not None else ())]
    optimizer = torch.optim.AdamW(parameters, lr=recipe.learning_rate, weight_decay=recipe.weight_decay, fused=True)
    criterion = nn.CrossEntropyLoss(label_smoothing=recipe.label_smoothing)
    network.train()
    for epoch in range(recipe.epochs):
        loss = torch.zeros(())
        order = torch.randperm(len(images), generator=generator).to(images.device)
        for batch in torch.split(order, recipe.batch_size):
            optimizer.param_groups[0]["lr"] = next(rates)
            optimizer.zero_grad()
            logits = network(images[batch])
            loss = criterion(logits, labels[batch])
            if guide is not None:
                loss = loss + guide.loss(batch, logits)
            loss.backward()
            optimizer.step()
        if not bool(torch.isfinite(loss)):
            return f"the training loss is not finite after epoch {epoch + 1}"
    return ""


@torch.no_grad()
def measure(network: nn.Module, data: Dataset) -> dict[str, float]:
    """Top-1 accuracy in percent and mean negative log-likelihood in nats over the test images."""
    images, labels = _tensors(network, data.normalised(data.test_images), data.test_labels)
    network.eval()
    logits: Tensor = torch.cat([network(batch) for batch in torch.split(images, TEST_BATCH)]).double()
    correct = int((logits.argmax(dim=1) == labels).sum())
    nll = float(nn.functional.cross_entropy(logits, labels))
    return {"top1_pct": 100.0 * correct / len(labels), "nll": nll}


def _tensors(network: nn.Module, images: Float32, labels: Int64) -> tuple[Tensor, Tensor]:
    """Copies images and labels to the device of a network."""
    device = next(network.parameters()).device
    return torch.from_numpy(images).to(device), torch.tensor(labels, device=device)
