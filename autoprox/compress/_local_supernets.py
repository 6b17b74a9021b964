"""The local supernets of FLORA's filter: one per block, with reduced ranks in this block only."""

from collections.abc import Callable
from dataclasses import dataclass

from autoprox.compress._candidate_filter import FilteredSpace, LocalValue
from autoprox.datasets import Dataset
from autoprox.spaces import Arch
from autoprox.supernet import HeldOutImages, SupernetPlan, SupernetTrainer

LOCAL_PLAN = SupernetPlan(passes=400, loss="distilled", learning_rate=2e-4, weight_decay=0.01)
"""Training of a local supernet: uniform sampling, and distillation from the trained network. FLORA uses 20 epochs."""


@dataclass(frozen=True, eq=False)
class LocalSupernets(LocalValue):
    """Accuracy on held-out training images in a briefly trained supernet of one block, in percent.

    Args:
        data: Data set with the classes of the network; every tenth training image is held out.
        plan: Training of each local supernet.

    Example:
        >>> from autoprox.datasets import dataset
        >>> local = LocalSupernets(dataset("digits"), SupernetPlan(passes=100, loss="distilled"))
        >>> local.plan.passes  # `filter_candidates(space, local)` trains so many for each block
        100
    """

    data: Dataset
    plan: SupernetPlan = LOCAL_PLAN

    def within(self, local: FilteredSpace) -> Callable[[Arch], float]:
        """Trains the supernet of a block; returns the test of its subnets.

        Raises:
            SpecError: If the training diverges, or the network takes other images.
        """
        trainer = SupernetTrainer(local, self.data, self.plan)
        for _ in trainer.steps():
            pass
        images = HeldOutImages(self.data)
        return lambda arch: images.accuracy(trainer.supernet.extract(arch))
