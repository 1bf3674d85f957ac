"""Which linear layers of a model are made sparse, and how sparse each."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from fnmatch import fnmatchcase

from torch import nn
from torch.nn.utils import parametrize

from chgraph.checks import check_sparsity
from chgraph.topology import link_count


def choose(
    root: nn.Module, sparsity: float | Mapping[str, float], layers: str | Sequence[str] | None
) -> dict[str, tuple[nn.Linear, float]]:
    """Return the layers to replace, with the sparsity of each.

    Parameters
    ----------
    root : Module
    sparsity, layers
        As :func:`chsnn.sparsify` takes them.

    Raises
    ------
    TypeError, ValueError
        As :func:`chsnn.sparsify`.
    """
    linears = {n: m for n, m in root.named_modules() if isinstance(m, nn.Linear)}
    whys = {name: _why_not(root, name, linear) for name, linear in linears.items()}
    for name, linear in linears.items():
        if isinstance(linear, nn.LazyLinear):
            raise ValueError(f"layer {name!r} has no size yet: run the model once")
    shares = _shares(sparsity)
    if layers is None and not isinstance(sparsity, Mapping):
        named = _all_but_the_last(linears, whys)
    else:
        patterns = [layers] if isinstance(layers, str) else list(layers or shares)
        named = _matching(patterns, whys)
    chosen = {}
    for name in (n for n in linears if n in named):
        share = next((s for p, s in shares.items() if _fits(name, p)), None)
        if share is not None:
            try:
                link_count(linears[name].in_features, linears[name].out_features, share)
            except ValueError as error:
                raise ValueError(f"sparsity of layer {name!r}: {error}") from None
            chosen[name] = (linears[name], share)
    if not chosen:
        raise ValueError(f"sparsity must fit a layer that is named, got {dict(shares)}")
    return chosen


def _shares(sparsity: float | Mapping[str, float]) -> dict[str, float]:
    """Return the sparsity of each pattern."""
    if not isinstance(sparsity, Mapping):
        return {"*": check_sparsity(sparsity)}
    if not sparsity:
        raise ValueError("sparsity must name a layer, got an empty mapping")
    return {p: check_sparsity(share, f"sparsity[{p!r}]") for p, share in sparsity.items()}


def _all_but_the_last(
    linears: Mapping[str, nn.Linear], whys: Mapping[str, str | None]
) -> list[str]:
    named = [name for name in list(linears)[:-1] if whys[name] is None]
    if not named:
        raise ValueError(
            "model must have a linear layer before its last one that can be replaced; got "
            f"{', '.join(map(repr, linears)) or 'no linear layer'} (layers=... names others)"
        )
    return named


def _matching(patterns: Sequence[str], whys: Mapping[str, str | None]) -> list[str]:
    """Return the layers that patterns fit; one named outright must be replaceable."""
    named: list[str] = []
    for pattern in patterns:
        if not isinstance(pattern, str):
            raise TypeError(f"layers must be patterns of names, got {pattern!r}")
        fits = [name for name in whys if _fits(name, pattern)]
        if not fits:
            raise ValueError(
                f"layers must name linear layers of the model, {pattern!r} fits none of "
                f"{', '.join(map(repr, whys)) or 'none (there are no linear layers)'}"
            )
        # A pattern passes over those that cannot be replaced, if there are others.
        able = [name for name in fits if whys[name] is None]
        if not able or (pattern in fits and pattern not in able):
            name = pattern if pattern in fits else fits[0]
            raise ValueError(f"layer {name!r} cannot be made sparse: {whys[name]}")
        named += able
    return named


def _fits(name: str, pattern: str) -> bool:
    return name == pattern or fnmatchcase(name, pattern)


def _why_not(root: nn.Module, name: str, linear: nn.Linear) -> str | None:
    """Return why a layer cannot be replaced; None if it can."""
    if name == "":
        return "it is the model itself; put it into an nn.Sequential"
    if parametrize.is_parametrized(linear) or "weight" not in linear._parameters:
        return "its weight is reparametrised; make that permanent first"
    if type(linear) is not nn.Linear:
        return f"it is a {type(linear).__name__}, whose weight may be read past its forward"
    hooks = ("_forward_hooks", "_forward_pre_hooks", "_backward_hooks", "_backward_pre_hooks")
    if any(getattr(linear, kind) for kind in hooks):
        return "it has hooks, which would be lost; remove them and register them anew"
    holders = [m for m in root.modules() for p in m._parameters.values() if p is linear.weight]
    return "its weight is tied to another module's" if len(holders) > 1 else None
