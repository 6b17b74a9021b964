"""Architectures and their spaces, without torch.

`genes.py` and `layout.py` say what varies and vary it, `arch.py` is the architecture itself, `space.py` what every
space offers, `counts.py` holds closed forms. A space that comes with autoprox is one file here and one in
`autoprox/networks/`; spaces of users come from `autoprox.define_space`.
"""

from autoprox.spaces import autoformer, mixer, pit  # registered by being imported
from autoprox.spaces._arch import Arch
from autoprox.spaces._closed_counts import FULL_BITS, Counts, Storage
from autoprox.spaces._named_spaces import load_space, space_names
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
    "TaskShape",
    "Total",
    "autoformer",
    "load_space",
    "mixer",
    "pit",
    "space",
    "space_names",
]
