"""Spaces around a trained network: which of its linear maps get how many bits, or which rank.

    space = quantised_space(model, images)
    autoprox.search.run(scorer, space, Constraints(max_weight_bytes="400KB"))

- `_linear_maps`: the linear maps of any network, and which of them are chosen for together
- `_compressed`: what such spaces share
- `_quantised_space`, `_lowrank_space`: bits and ranks
- `_allocation_proxy`: proxies that add up over maps; `_sensitivities`, `_curvature`: those that there are
- `_allocation`: the best choices under a budget, exactly
- `_candidate_filter`: which ranks of each block are worth searching; `_local_supernets`: after some training
- `embedded`: the spaces around the trained networks that come with autoprox
- `_compressed_labels`: what such networks are worth, as they are and behind a short training
- `_exported_network`, `_front_figure`: what is written
"""

from autoprox.compress import _curvature as curvature  # registered by being imported
from autoprox.compress import _sensitivities as sensitivities
from autoprox.compress._allocation import Allocation, pareto_allocations
from autoprox.compress._allocation_proxy import ALLOCATION_PROXIES, AllocationProxy, Probe, allocation_proxy
from autoprox.compress._candidate_filter import FilteredSpace, LocalValue, filter_candidates
from autoprox.compress._compressed import CompressedSpace
from autoprox.compress._compressed_labels import Compressed, FineTuned
from autoprox.compress._exported_network import export_network
from autoprox.compress._front_figure import write_front
from autoprox.compress._linear_maps import LinearMap, MapGroup
from autoprox.compress._local_supernets import LocalSupernets
from autoprox.compress._lowrank_space import LowRankSpace, lowrank_space
from autoprox.compress._quantised_space import QuantisedSpace, quantised_space

__all__ = [
    "ALLOCATION_PROXIES",
    "Allocation",
    "AllocationProxy",
    "Compressed",
    "CompressedSpace",
    "FilteredSpace",
    "FineTuned",
    "LinearMap",
    "LocalSupernets",
    "LocalValue",
    "LowRankSpace",
    "MapGroup",
    "Probe",
    "QuantisedSpace",
    "allocation_proxy",
    "curvature",
    "export_network",
    "filter_candidates",
    "lowrank_space",
    "pareto_allocations",
    "quantised_space",
    "sensitivities",
    "write_front",
]
