"""The local supernets of FLORA's filter: one for each block, in which that block alone has other ranks."""

from collections.abc import Callable
from dataclasses import dataclass

from autoprox.compress._candidate_filter import FilteredSpace, LocalValue
from autoprox.datasets import Dataset
from autoprox.spaces import Arch
from autoprox.supernet import HeldOutImages, SupernetPlan, SupernetTrainer

LOCAL_PLAN = SupernetPlan(passes=400, loss="distilled", learning_rate=2e-4, weight_decay=0.01)
"""How a local supernet is trained: uniform draws, which learn from the trained network. FLORA trains for 20 epochs."""


@dataclass(frozen=True, eq=False)
class LocalSupernets(LocalValue):
    """Accuracy, in percent, on held-out training images, in a supernet of one block that was trained for a short while.

    Args:
        data: Images of the classes of the network; every tenth training image is held out.
        plan: How each local supernet is trained.

    Example:
        >>> from autoprox.datasets import dataset
        >>> local = LocalSupernets(dataset("digits"), SupernetPlan(passes=100, loss="distilled"))
        >>> local.plan.passes  # `filter_candidates(space, local)` trains so many for each block
        100
    """

    data: Dataset
    plan: SupernetPlan = LOCAL_PLAN

    def within(self, local: FilteredSpace) -> Callable[[Arch], float]:
        """Trains the supernet of a block; gives what tests its subnets.

        Raises:
            SpecError: If the training diverges, or the network is for other images.
        """
        trainer = SupernetTrainer(local, self.data, self.plan)
        for _ in trainer.steps():
            pass
        images = HeldOutImages(self.data)
        return lambda arch: images.accuracy(trainer.supernet.extract(arch))
