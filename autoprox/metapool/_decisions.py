"""Rules by which a stage loses operations: the threshold of the lead, the late best two, the end."""

from collections.abc import Mapping
from dataclasses import dataclass

from autoprox.metapool._metapool_plan import MetaPoolPlan


@dataclass(frozen=True, slots=True)
class Decision:
    """The operations that a stage keeps after an epoch.

    Attributes:
        epoch: Number of the epoch, from 1.
        kept: The operations; one if the stage is decided.
        reason: `lead` for the threshold, `late` for the best two, `end` for the best one after the last epoch.
    """

    epoch: int
    kept: tuple[str, ...]
    reason: str


def decide(probabilities: Mapping[str, float], epoch: int, plan: MetaPoolPlan) -> Decision | None:
    """Decides about an undecided stage at the end of an epoch; None if it keeps all that it has.

    Of equal probabilities the earlier operation counts as larger.

    Args:
        probabilities: Probabilities of the remaining operations of the stage, at least two, in the order of the plan.
        epoch: Number of the epoch, from 1.
        plan: Threshold, mode and number of epochs.

    Example:
        >>> decide({"skip": 0.3, "strip": 0.1, "max3": 0.6}, 1, MetaPoolPlan(epochs=9))
        Decision(epoch=1, kept=('max3',), reason='lead')
        >>> decide({"skip": 0.4, "strip": 0.3, "max3": 0.3}, 6, MetaPoolPlan(epochs=9))
        Decision(epoch=6, kept=('skip', 'strip'), reason='late')
        >>> decide({"skip": 0.3, "strip": 0.1, "max3": 0.6}, 1, MetaPoolPlan(epochs=9, mode="released"))
        Decision(epoch=1, kept=('strip',), reason='lead')
    """
    first, second, *rest = sorted(probabilities, key=lambda op: -probabilities[op])
    if probabilities[first] - probabilities[second] >= plan.threshold:
        # The released code indexes the remaining operations by the truth of this comparison, and so by 1.
        return Decision(epoch, (tuple(probabilities)[1] if plan.mode == "released" else first,), "lead")
    if epoch == plan.epochs:
        return Decision(epoch, (first,), "end")
    if epoch >= plan.late and rest:
        return Decision(epoch, tuple(op for op in probabilities if op in (first, second)), "late")
    return None
