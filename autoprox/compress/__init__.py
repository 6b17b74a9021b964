"""Spaces around a trained network: which of its linear maps get how many bits, or which rank.

    space = quantised_space(model, images)
    autoprox.search.run(scorer, space, Constraints(max_weight_bytes="400KB"))

- `_linear_maps`: the linear maps of any network, and which of them are chosen for together
- `_module_digest`: what tells a trained network from any other
- `_compressed`: what such spaces share
- `_quantised_space`, `_lowrank_space`: bits and ranks
"""

from autoprox.compress._compressed import CompressedSpace
from autoprox.compress._linear_maps import LinearMap, MapGroup
from autoprox.compress._lowrank_space import LowRankSpace, lowrank_space
from autoprox.compress._quantised_space import QuantisedSpace, quantised_space

__all__ = [
    "CompressedSpace",
    "LinearMap",
    "LowRankSpace",
    "MapGroup",
    "QuantisedSpace",
    "lowrank_space",
    "quantised_space",
]
