"""Architectures and their spaces, without torch.

`genes.py` and `layout.py` define genes and their variation, `arch.py` the architecture, `space.py` the interface of all
spaces, and `_closed_counts.py` closed forms. A space of autoprox is one file here and one in `autoprox/networks/`;
users define spaces with `autoprox.define_space`.
"""

from autoprox.spaces import autoformer, mixer, pit  # their import registers the spaces
from autoprox.spaces._arch import Arch
from autoprox.spaces._closed_counts import FULL_BITS, Counts, Storage
from autoprox.spaces._named_spaces import load_space, space_names
from autoprox.spaces._stored_archs import StoredArch, read_archs
from autoprox.spaces.genes import Gene, Length, Total
from autoprox.spaces.layout import Layout
from autoprox.spaces.space import SPACES, STEADY, Candidate, Space
from autoprox.spaces.task import TaskShape

space = load_space

__all__ = [
    "FULL_BITS",
    "SPACES",
    "STEADY",
    "Arch",
    "Candidate",
    "Counts",
    "Gene",
    "Layout",
    "Length",
    "Space",
    "Storage",
    "StoredArch",
    "TaskShape",
    "Total",
    "autoformer",
    "load_space",
    "mixer",
    "pit",
    "read_archs",
    "space",
    "space_names",
]
