"""Networks built from architectures, and their parameters.

A family of autoprox is a file here with a function `build`, and a space in `autoprox/spaces/` that names it.
`_define.py` makes spaces from users' builders, `blocks.py` holds layers that families share, `_seeding.py` makes
parameters depend only on their seed, `_weights.py` defines sources of parameters, `_checkpoint.py` stores trained ones
in files, `network.py` defines one network for one task, and `_teacher_network.py` the network that it may be compared
with. `_mixers.py` holds layers that mix tokens without attention, `quantised.py` and `factorised.py` layers of
compressed networks.
"""

from autoprox.networks._blueprint import Blueprint, blueprint_of
from autoprox.networks._checkpoint import load_checkpoint, save_checkpoint
from autoprox.networks._define import define_space
from autoprox.networks._mixers import MCA, SpatialEnhancer
from autoprox.networks._module_digest import module_digest
from autoprox.networks._named_models import NamedModel, img_size_of, in_chans_of, named_models
from autoprox.networks._seeding import seeded
from autoprox.networks._teacher_network import Teacher
from autoprox.networks._weights import Fresh, Trained, Weights
from autoprox.networks.network import Network

__all__ = [
    "MCA",
    "Blueprint",
    "Fresh",
    "NamedModel",
    "Network",
    "SpatialEnhancer",
    "Teacher",
    "Trained",
    "Weights",
    "blueprint_of",
    "define_space",
    "img_size_of",
    "in_chans_of",
    "load_checkpoint",
    "module_digest",
    "named_models",
    "save_checkpoint",
    "seeded",
]
