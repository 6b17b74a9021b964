"""Supernets: one network whose parameters all architectures of a space share.

- `supernet`: the network; `select` and `extract`
- `_slots`: which part of a shared parameter a subnet uses
- `samplers`: which subnets a step of training takes, from `Subnets`
"""

from autoprox.supernet._slots import Slot, slots_of
from autoprox.supernet._subnets import Subnets
from autoprox.supernet._supernet import Supernet, covering, recalibrate

__all__ = ["Slot", "Subnets", "Supernet", "covering", "recalibrate", "slots_of"]
