"""Held-out training images, on which searches compare subnets."""

import torch
from torch import nn

from autoprox.base.isolation import isolated
from autoprox.base.threads import single_threaded
from autoprox.datasets import Dataset
from autoprox.supernet._recalibration import recalibrate
from autoprox.supernet._trainer import accuracy, held_out

CALIBRATED = 1000
"""Maximum number of training images for the recalibration of batch normalisations."""


class HeldOutImages:
    """The held-out images of a supernet, and some of its training images for recalibration.

    Args:
        data: The data set.

    Example:
        >>> from autoprox.datasets import dataset
        >>> 0 <= HeldOutImages(dataset("digits")).accuracy(nn.Sequential(nn.Flatten(), nn.Linear(64, 10))) <= 100
        True
    """

    def __init__(self, data: Dataset) -> None:
        kept, places = held_out(len(data.train_labels))
        self._images = torch.from_numpy(data.normalised(data.train_images[places]))
        self._labels = torch.tensor(data.train_labels[places])
        self._calibration = torch.from_numpy(data.normalised(data.train_images[kept[:CALIBRATED]]))

    def accuracy(self, network: nn.Module) -> float:
        """Accuracy of a network in percent, after recalibration of its batch normalisations on training images."""
        with single_threaded(), isolated():
            return accuracy(recalibrate(network, self._calibration), self._images, self._labels)
