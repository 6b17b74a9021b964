"""`register`: adds a primitive to the language after testing it on difficult values."""

import sys
from collections.abc import Sequence

import numpy as np
import numpy.typing as npt
import torch

from autoprox.base.arrays import Floats
from autoprox.base.errors import RegistryError
from autoprox.graph._kinds import Level
from autoprox.graph._moments import Moments
from autoprox.graph._primitives import PRIMITIVES, Form, Primitive
from autoprox.graph._segments import Segments
from autoprox.graph.operations import FLOAT64_EPS, TENSOR_EPS

PROBES: dict[str, Floats] = {
    "zeros": np.zeros((3, 4)),
    "ones": np.ones((3, 4)),
    "negatives": -np.arange(1.0, 13).reshape(3, 4),
    "mixed": np.linspace(-2, 3, 12).reshape(3, 4),
    "huge": np.full((3, 4), 1e12),
    "tiny": np.full((3, 4), 1e-20),
    "one element": np.array([[0.5]]),
}
"""Test values of every primitive: the elements of a tensor, or node values of two architectures."""

_OF_TWO = Segments.of_lengths(np.array([5, 7]))
_OF_ONE = Segments.of_lengths(np.array([1]))


def register(primitive: Primitive) -> Primitive:
    """Adds a primitive to the language.

    Raises:
        RegistryError: If its name is taken at its level, or it is unfit (`why_unfit`).
    """
    reasons = why_unfit(primitive)
    if reasons:
        raise RegistryError(
            f"The {primitive.level.upper()} primitive '{primitive.name}' cannot be registered: {'; '.join(reasons)}."
        )
    return PRIMITIVES[primitive.level].register(primitive.name, primitive)


def why_unfit(primitive: Primitive) -> list[str]:
    """Returns the reasons why a primitive cannot be registered; empty if it can.

    Its result for each of `PROBES` must have the shape that its kind requires and be finite, unless the primitive
    declares the case as undefined. It must not change its arguments, and the function must be documented.

    Example:
        >>> from autoprox.graph import operations
        >>> why_unfit(Primitive("inverse", Level.SCALAR, Form.MAP, lambda x, _xp, _eps: 1 / x))
        ['its function has no docstring', "its result for 'zeros' is not finite, and it does not declare that"]
    """
    # python -OO removes all docstrings.
    documented = sys.flags.optimize > 1 or (primitive.function.__doc__ or "").strip()
    reasons = [] if documented else ["its function has no docstring"]
    unknown = sorted(primitive.undefined - set(PROBES))
    if unknown:
        reasons.append(f"it declares unknown cases as undefined: {', '.join(unknown)}; known: {', '.join(PROBES)}")
    for name, values in PROBES.items():
        given = [values.copy() for _ in range(primitive.arity)]
        try:
            result = apply(primitive, given)
        except (ArithmeticError, TypeError, ValueError, RuntimeError) as error:
            reasons.append(f"it fails for '{name}' ({type(error).__name__}: {error})")
            continue
        if result.shape != (wanted := _result_shape(primitive, values)):
            reasons.append(f"its result for '{name}' has the shape {result.shape} instead of {wanted}")
        elif name not in primitive.undefined and not np.isfinite(result).all():
            reasons.append(f"its result for '{name}' is not finite, and it does not declare that")
        if any(not np.array_equal(each, values) for each in given):
            reasons.append(f"it changes its arguments for '{name}'")
    return reasons


def apply(primitive: Primitive, values: Sequence[Floats]) -> npt.NDArray[np.floating]:
    """Applies a primitive to plain arrays, outside a graph.

    Args:
        primitive: The primitive.
        values: One array per argument. For a TENSOR primitive, each is the tensor of one node. Otherwise its 12 values
            belong to the nodes of two architectures, or its single value to the only node of one.

    Returns:
        The result as in a graph; for a TENSOR primitive, of one node in float32 arithmetic.
    """
    if primitive.level is Level.TENSOR:
        # Tensors share memory with separate arrays, so that writes into them are detected.
        narrow = [torch.from_numpy(each.astype(np.float32)) for each in values]
        before = [each.clone() for each in narrow]
        if primitive.form.reduces:
            result = primitive.function(*map(Moments, narrow))
        else:
            result = primitive.function(*narrow, torch, TENSOR_EPS)
        for each, tensor, old in zip(values, narrow, before, strict=True):
            if not torch.equal(tensor, old):
                each[:] = tensor.numpy()
        return np.asarray(result.numpy())
    flat = [each.reshape(-1) for each in values]
    with np.errstate(all="ignore"):
        if primitive.segmental:
            segments = _OF_ONE if flat[0].size == 1 else _OF_TWO
            return np.asarray(primitive.function(*flat, segments, np, FLOAT64_EPS))
        return np.asarray(primitive.function(*flat, np, FLOAT64_EPS))


def _result_shape(primitive: Primitive, values: Floats) -> tuple[int, ...]:
    if primitive.form.reduces:
        return ()
    if primitive.form in (Form.GRAM, Form.PRODUCT):
        return (len(values), len(values))
    if primitive.form is Form.AGGREGATE:
        return (1,) if values.size == 1 else (2,)
    return values.shape if primitive.level is Level.TENSOR else (values.size,)
