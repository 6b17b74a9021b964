"""Random search: independent draws."""

from collections.abc import Iterator
from dataclasses import dataclass
from typing import ClassVar, final

import numpy as np

from autoprox.search._region import Region
from autoprox.search.methods._base import CHUNK, AbstractMethod, History, new_candidates
from autoprox.spaces import Arch


@final
@dataclass(frozen=True)
class RandomSearch(AbstractMethod):
    """Distinct candidates, drawn independently of the scores."""

    name: ClassVar[str] = "random"

    def proposals(self, region: Region, history: History, rng: np.random.Generator) -> Iterator[list[Arch]]:
        """Draws batches until no new candidate is found."""
        while batch := new_candidates(region, history, CHUNK, lambda: region.draw(rng), rng):
            yield batch
