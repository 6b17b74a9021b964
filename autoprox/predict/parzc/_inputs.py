"""Checks of an estimator's inputs: present and missing nodes, and targets that can be ranked."""

from collections.abc import Sequence
from typing import Any

import numpy as np
import numpy.typing as npt

from autoprox.base.arrays import Floats
from autoprox.base.errors import FitError
from autoprox.predict.parzc.scaling import Booleans


def flat(X: Any, node_shape: Sequence[int] | None) -> Any:
    """Flattens an X of three dimensions to two, if `node_shape` is given."""
    if node_shape is None or np.ndim(X) != 3:
        return X
    given = np.shape(X)[1:]
    if given != tuple(node_shape):
        raise FitError(
            f"X has {given[0]} nodes with {given[1]} statistics, but node_shape is {node_shape[0]} x"
            f" {node_shape[1]}. Collect the same statistics of the same nodes."
        )
    return np.reshape(X, (len(X), -1))


def nodes_of(X: Floats, node_shape: Sequence[int] | None) -> tuple[Floats, Booleans]:
    """Splits an X of two dimensions into statistics `(n, L, S)` and mask `(n, L)`."""
    if node_shape is None:
        return X[:, :, None], np.ones(X.shape, dtype=bool)
    nodes, statistics = node_shape
    if X.shape[1] != nodes * statistics:
        raise FitError(
            f"X has {X.shape[1]} columns, but node_shape={tuple(node_shape)} needs {nodes} x {statistics} ="
            f" {nodes * statistics}."
        )
    values: Floats = X.reshape(-1, nodes, statistics)
    missing = np.isnan(values)
    mask = np.asarray(~missing.all(axis=2))
    _refuse_holes(missing, mask)
    return values, mask


def group_scales(targets: Floats, groups: npt.NDArray[np.int64]) -> Floats:
    """Mean and standard deviation of each group, `(G, 2)`; the deviation of equal targets is set to 1."""
    members = [targets[groups == group] for group in range(groups.max() + 1)]
    # With a rounded mean, the deviation of equal values is not zero.
    spreads = np.array([own.std() if np.ptp(own) > 0 else 0.0 for own in members])
    if not spreads.any():
        where = " in every group" if len(members) > 1 else ""
        raise FitError(f"All {len(targets)} targets are equal{where}, so nothing can be ranked. Give other targets.")
    return np.stack([[own.mean() for own in members], np.where(spreads > 0, spreads, 1.0)], axis=1)


def _refuse_holes(missing: npt.NDArray[np.bool_], mask: Booleans) -> None:
    holes = np.argwhere(missing & mask[:, :, None])
    if len(holes):
        row, node, statistic = holes[0].tolist()
        raise FitError(
            f"Input X contains NaN: statistic {statistic} of node {node} in row {row}, although the node has other"
            " statistics. A missing node must be NaN in all statistics. Replace any other NaN, or drop the row."
        )
    empty = np.flatnonzero(~mask.any(axis=1))
    if len(empty):
        raise FitError(f"Row {empty[0]} of X has no node: all of its statistics are NaN. Drop the row.")
