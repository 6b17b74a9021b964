"""Elementwise arithmetic, defined everywhere: one function per operation, for NumPy and torch.

Every function takes the values, their module `xp` (numpy or torch), and the guard `eps`. For tensors eps is 1e-9, as in
the published operation list (Wei 2024, https://arxiv.org/abs/2312.09059); for the float64 values of nodes and
architectures it is 1e-30, because sums of squared gradients can be smaller than 1e-9.

Where the published operations give NaN (the logarithm of a negative number, a division by zero), ours have a defined
value.
"""

from typing import Any

TENSOR_EPS = 1e-9
FLOAT64_EPS = 1e-30
EXP_LIMIT = 30.0
"""Limit of the argument of exp: e**30 is about 1e13, whose square does not overflow in float32."""


def identity(x: Any, _xp: Any, _eps: float) -> Any:
    """The value itself."""
    return x


def log(x: Any, xp: Any, eps: float) -> Any:
    """ln(max(x, 0) + eps)."""
    return xp.log(xp.clip(x, 0, None) + eps)


def logabs(x: Any, xp: Any, eps: float) -> Any:
    """`ln(|x| + eps)`."""
    return xp.log(xp.abs(x) + eps)


def absolute(x: Any, xp: Any, _eps: float) -> Any:
    """`|x|`."""
    return xp.abs(x)


def square(x: Any, _xp: Any, _eps: float) -> Any:
    """x**2."""
    return x * x


def exp(x: Any, xp: Any, _eps: float) -> Any:
    """Exponential of min(x, 30)."""
    return xp.exp(xp.clip(x, None, EXP_LIMIT))


def relu(x: Any, xp: Any, _eps: float) -> Any:
    """max(x, 0)."""
    return xp.clip(x, 0, None)


def reciprocal(x: Any, _xp: Any, eps: float) -> Any:
    """X / (x**2 + eps**2): 1/x away from zero, 0 at zero."""
    return x / (x * x + eps * eps)


def sigmoid(x: Any, xp: Any, _eps: float) -> Any:
    """1 / (1 + exp(-x)), without overflow and accurate for large negative x."""
    decay = xp.exp(-xp.abs(x))
    return xp.where(x >= 0, 1.0, decay) / (1.0 + decay)


def tanh(x: Any, xp: Any, _eps: float) -> Any:
    """Hyperbolic tangent."""
    return xp.tanh(x)


def sqrt(x: Any, xp: Any, _eps: float) -> Any:
    """Square root of max(x, 0)."""
    return xp.sqrt(xp.clip(x, 0, None))


def negative(x: Any, _xp: Any, _eps: float) -> Any:
    """-x."""
    return -x


def sign(x: Any, xp: Any, _eps: float) -> Any:
    """-1, 0 or 1."""
    return xp.sign(x)


def heaviside(x: Any, xp: Any, _eps: float) -> Any:
    """1 above zero, else 0: the activation pattern of a rectifier (EZNAS, Akhauri 2022)."""
    return xp.heaviside(x, xp.zeros_like(x))


def add(a: Any, b: Any, _xp: Any, _eps: float) -> Any:
    """A + b."""
    return a + b


def subtract(a: Any, b: Any, _xp: Any, _eps: float) -> Any:
    """A - b."""
    return a - b


def multiply(a: Any, b: Any, _xp: Any, _eps: float) -> Any:
    """A * b."""
    return a * b


def divide(a: Any, b: Any, _xp: Any, eps: float) -> Any:
    """A * b / (b**2 + eps**2): a/b away from zero, 0 if b is zero."""
    return a * (b / (b * b + eps * eps))


def maximum(a: Any, b: Any, xp: Any, _eps: float) -> Any:
    """The larger of a and b."""
    return xp.maximum(a, b)


def minimum(a: Any, b: Any, xp: Any, _eps: float) -> Any:
    """The smaller of a and b."""
    return xp.minimum(a, b)
