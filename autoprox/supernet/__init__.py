"""Supernets: one network whose parameters all architectures of a space share.

- `supernet`: the network; `select` and `extract`; `running`: a subnet as it runs; `initial`: fresh parameters
- `slots`, `covering`: which part of a shared parameter a subnet uses, and which subnets hold all others
- `recalibration`: statistics of batch normalisations
- `samplers`: which subnets a step of training takes, from `Subnets`
- `supernet_losses`: what is back-propagated; `prior`: any scorer as what losses rank by
- `trainer`, `training_journal`: steps until a budget is spent, from where a killed process came to
- `trained_supernet`, `inherited_accuracy`: what was trained, as weights, scorer and labels; `held_out_images`: by what
- `conflict`: how gradients of subnets agree
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
from autoprox.supernet._trained_supernet import PARAMETERS, SUPERNET, Inherited, supernet_files
from autoprox.supernet._trainer import SupernetPlan, SupernetTrainer, accuracy
from autoprox.supernet._training_journal import (
    SUPERNET_JOURNAL,
    SUPERNET_JOURNAL_FORMAT,
    recorded_passes,
    train_supernet,
)

__all__ = [
    "PARAMETERS",
    "SUPERNET",
    "SUPERNET_JOURNAL",
    "SUPERNET_JOURNAL_FORMAT",
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
    "recorded_passes",
    "slots_of",
    "supernet_files",
    "train_supernet",
]
