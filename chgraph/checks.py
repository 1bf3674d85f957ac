"""Argument checks that raise with the argument's name, what it got and what it takes."""

from __future__ import annotations

from collections.abc import Iterable
from numbers import Integral, Real
from typing import Any, TypeVar

import numpy as np

Kind = TypeVar("Kind")
_LONGEST = 60  # characters of a value that is shown in an error


def check_int(name: str, value: Any, *, minimum: int) -> int:
    """Return `value` as an int, or raise if it is not an integer of at least `minimum`."""
    if type(value) is int and value >= minimum:  # as nearly always: no abstract class asked
        return value
    if isinstance(value, bool | np.bool_) or not isinstance(value, Integral):
        raise TypeError(f"{name} must be an integer, got {value!r} of type {type(value).__name__}")
    if value < minimum:
        raise ValueError(f"{name} must be at least {minimum}, got {value}")
    return int(value)


def check_positive_int(name: str, value: Any) -> int:
    """Return `value` as an int, or raise if it is not an integer of at least 1."""
    return check_int(name, value, minimum=1)


def check_count(name: str, value: Any) -> int:
    """Return `value` as an int, or raise if it is not an integer of at least 0."""
    return check_int(name, value, minimum=0)


def check_real(
    name: str, value: Any, *, minimum: float, below: float = float("inf"), note: str = ""
) -> float:
    """Return `value` as a float, or raise if it is not in the interval [minimum, below)."""
    if isinstance(value, bool | np.bool_) or not isinstance(value, Real):
        raise TypeError(f"{name} must be a number, got {value!r} of type {type(value).__name__}")
    number = float(value)
    if not minimum <= number < below:
        bound = f"at least {minimum:g}" if below == float("inf") else f"in [{minimum:g}, {below:g})"
        raise ValueError(f"{name} must be {bound}{note}, got {value!r}")
    return number


def check_sparsity(value: Any, name: str = "sparsity") -> float:
    """Return a sparsity as a float, or raise if it is not in [0, 1)."""
    return check_real(
        name, value, minimum=0.0, below=1.0, note=" (the fraction of possible links that is absent)"
    )


def check_share(name: str, value: Any) -> float:
    """Return `value` as a float, or raise if it is not in the closed interval [0, 1]."""
    number = check_real(name, value, minimum=0.0, note=" and at most 1")
    if number > 1.0:
        raise ValueError(f"{name} must be at least 0 and at most 1, got {value!r}")
    return number


def check_positive_float32(name: str, value: Any) -> float:
    """Return `value` as a float, or raise if it is not above 0 and finite in float32."""
    number = check_real(name, value, minimum=0.0)
    limits = np.finfo(np.float32)
    if not float(limits.smallest_subnormal) <= number <= float(limits.max):
        raise ValueError(f"{name} must be above 0 and finite in float32, got {value!r}")
    return number


def check_choice(name: str, value: Any, choices: Iterable[str]) -> str:
    """Return `value`, or raise if it is not one of `choices`."""
    legal = list(choices)
    if not isinstance(value, str) or value not in legal:
        listed = ", ".join(repr(choice) for choice in legal)
        raise ValueError(f"{name} must be one of {listed}; got {value!r}")
    return value


def check_flag(name: str, value: Any, legal: str = "True or False") -> bool:
    """Return `value` as a bool, or raise if it is none."""
    if not isinstance(value, bool | np.bool_):
        raise TypeError(f"{name} must be {legal}, got {value!r}")
    return bool(value)


def check_flag_or_none(name: str, value: Any) -> bool | None:
    """Return None, or `value` as a bool, or raise if it is neither."""
    return None if value is None else check_flag(name, value, "True, False or None")


def check_kind(name: str, value: Any, kind: type[Kind], what: str) -> Kind:
    """Return `value`, or raise TypeError if it is not a `kind`, which `what` says in words."""
    if not isinstance(value, kind):
        raise TypeError(f"{name} must be {what}, got {shown(value)}")
    return value


def shown(value: Any) -> str:
    """Return a value in an error: as it is written if that is short, else of what type it is."""
    text = repr(value)
    return text if len(text) <= _LONGEST else f"a {type(value).__name__}"


def check_link_values(name: str, values: Any, n_links: int) -> np.ndarray:
    """Return one finite float64 per link, or raise."""
    try:
        array = np.asarray(values, dtype=np.float64)
    except (TypeError, ValueError) as error:
        raise ValueError(f"{name} must be numbers: {error}") from error
    if array.shape != (n_links,):
        raise ValueError(
            f"{name} must hold one value per link, shape ({n_links},); got shape {array.shape}"
        )
    if not np.isfinite(array).all():
        raise ValueError(f"{name} must be finite; got NaN or infinity")
    return array


def check_node_mask(name: str, mask: Any, n_nodes: int) -> np.ndarray:
    """Return a boolean mask over nodes, or raise."""
    array = np.asarray(mask)
    if array.dtype != np.bool_ or array.shape != (n_nodes,):
        raise ValueError(
            f"{name} must be a boolean array of shape ({n_nodes},); "
            f"got dtype {array.dtype} and shape {array.shape}"
        )
    return array


def as_generator(rng: Any, name: str = "rng") -> np.random.Generator:
    """Return a numpy Generator from a seed, a Generator or None (fresh entropy)."""
    wrong = f"{name} must be None, a non-negative integer seed or a numpy Generator; got {rng!r}"
    # A subclass of an array (np.matrix) sends numpy into a recursion without end.
    if isinstance(rng, np.ndarray) and (type(rng) is not np.ndarray or rng.ndim > 1):
        raise TypeError(wrong)
    try:
        return np.random.default_rng(rng)
    except (TypeError, ValueError) as error:
        raise TypeError(wrong) from error
