"""Supernets: one network whose parameters all architectures of a space share.

- `supernet`: the network; `select` and `extract`; `running`: a subnet as it runs; `initial`: fresh parameters
- `slots`, `covering`: which part of a shared parameter a subnet uses, and which subnets hold all others
- `recalibration`: statistics of batch normalisations
- `samplers`: which subnets a step of training takes, from `Subnets`
"""

from autoprox.supernet._covering import covering
from autoprox.supernet._recalibration import recalibrate
from autoprox.supernet._slots import Slot, slots_of
from autoprox.supernet._subnets import Subnets
from autoprox.supernet._supernet import Supernet

__all__ = ["Slot", "Subnets", "Supernet", "covering", "recalibrate", "slots_of"]
