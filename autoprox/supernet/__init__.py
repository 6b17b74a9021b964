"""Supernets: one network whose parameters all architectures of a space share.

- `supernet`: the network; `select` and `extract`
- `_slots`: which part of a shared parameter a subnet uses
"""

from autoprox.supernet._slots import Slot, slots_of
from autoprox.supernet._supernet import Supernet, covering, recalibrate

__all__ = ["Slot", "Supernet", "covering", "recalibrate", "slots_of"]
