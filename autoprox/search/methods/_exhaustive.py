"""Exhaustive search of all allowed architectures."""

from collections.abc import Iterator
from dataclasses import dataclass
from itertools import islice
from typing import ClassVar, final

import numpy as np

from autoprox.search._region import Region
from autoprox.search.methods._base import CHUNK, AbstractMethod, History
from autoprox.spaces import Arch


@final
@dataclass(frozen=True)
class Exhaustive(AbstractMethod):
    """Every allowed architecture, in the order of the region."""

    name: ClassVar[str] = "exhaustive"

    def proposals(self, region: Region, history: History, rng: np.random.Generator) -> Iterator[list[Arch]]:
        """Lists the region."""
        del history, rng
        left = iter(region)
        while batch := list(islice(left, CHUNK)):
            yield batch
