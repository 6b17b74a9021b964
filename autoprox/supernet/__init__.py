"""Supernets: one network with parameters shared by all architectures of a space.

- `supernet`: the network, with `select` and `extract`; `running`: a subnet in execution; `initial`: fresh parameters
- `slots`, `covering`: the part of a shared parameter in a subnet, and subnets that contain all others
- `recalibration`: statistics of batch normalisations
- `samplers`: the choice of subnets (`Subnets`) for each training step
- `supernet_losses`: losses of a training step; `prior`: a scorer as the prior of a loss
- `trainer`: training until a budget is spent
- `trained_supernet`, `inherited_accuracy`: a trained supernet as weights, scorer and labels
- `held_out_images`: the images on which subnets are tested
- `conflict`: agreement of the gradients of subnets
"""

from autoprox.supernet._conflict import Conflict, gradient_conflict
from autoprox.supernet._covering import covering
from autoprox.supernet._held_out_images import HeldOutImages
from autoprox.supernet._inherited_accuracy import InheritedAccuracy, inherited_labels
from autoprox.supernet._prior import ScorerPrior
from autoprox.supernet._recalibration import recalibrate
from autoprox.supernet._slots import Slot, slots_of
from autoprox.supernet._subnets import Subnets
from autoprox.supernet._supernet import Supernet
from autoprox.supernet._trained_supernet import PARAMETERS, SUPERNET, SUPERNET_JOURNAL, Inherited, supernet_files
from autoprox.supernet._trainer import SupernetPlan, SupernetTrainer, accuracy

__all__ = [
    "PARAMETERS",
    "SUPERNET",
    "SUPERNET_JOURNAL",
    "Conflict",
    "HeldOutImages",
    "Inherited",
    "InheritedAccuracy",
    "ScorerPrior",
    "Slot",
    "Subnets",
    "Supernet",
    "SupernetPlan",
    "SupernetTrainer",
    "accuracy",
    "covering",
    "gradient_conflict",
    "inherited_labels",
    "recalibrate",
    "slots_of",
    "supernet_files",
]
