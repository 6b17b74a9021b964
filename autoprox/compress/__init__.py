"""Spaces around a trained network: bits or ranks for each of its linear maps.

    space = quantised_space(model, images)
    autoprox.search.run(scorer, space, Constraints(max_weight_bytes="400KB"))

- `_linear_maps`: the linear maps of any network, and groups of maps with a common choice
- `_compressed`: base class of these spaces
- `_quantised_space`, `_lowrank_space`: bits and ranks
- `_allocation_proxy`, `_sensitivities`, `_curvature`: proxies that add up over maps
- `_allocation`: exact optima under a budget
- `_candidate_filter`: the ranks of each block worth searching; `_local_supernets`: the same after some training
- `embedded`: the spaces around the embedded trained networks
- `_compressed_labels`: labels of compressed networks, with and without a short training
- `_exported_network`, `_front_figure`: files of a network and of a figure
"""

from autoprox.compress import _curvature as curvature  # registered by being imported
from autoprox.compress import _sensitivities as sensitivities
from autoprox.compress._allocation import Allocation, pareto_allocations
from autoprox.compress._allocation_proxy import ALLOCATION_PROXIES, AllocationProxy, Probe, allocation_proxy
from autoprox.compress._candidate_filter import FilteredSpace, LocalValue, filter_candidates
from autoprox.compress._compressed import CompressedSpace, as_batch
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
    "as_batch",
    "curvature",
    "export_network",
    "filter_candidates",
    "lowrank_space",
    "pareto_allocations",
    "quantised_space",
    "sensitivities",
    "write_front",
]
