"""What a running model does with the neurons of its layers, seen function by function."""

from __future__ import annotations

import functools
import gc
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from typing import Any, Literal, NamedTuple

import torch
from torch import Tensor, nn
from torch.overrides import TorchFunctionMode

from chgraph.rewiring.wiring import Junction, Wiring
from chsnn._tracing_rules import (
    LEAKS,
    METADATA,
    RULES,
    SHAPE_ONLY,
    ZEROS,
    Call,
    Content,
    Population,
    is_opaque,
    leaves,
    stays_silent,
)


class _Tag(NamedTuple):
    content: Population | Literal["zeros"]
    version: int


class Tracer(TorchFunctionMode):
    """Follows the neurons of layers through whatever a model does, while active.

    Make it after the model and its input: a tensor that was not there before and that no
    function seen returned came from somewhere out of sight (a compiled extension, a script, another
    thread), and then nothing is claimed.
    """

    def __init__(self) -> None:
        super().__init__()
        # Whatever is seen stays alive, so that no identity and no address is used twice.
        alive = [x for x in gc.get_objects() if issubclass(type(x), Tensor)]
        self._known: dict[int, Tensor] = {id(x): x for x in alive}
        self._tags: dict[int, _Tag] = {}
        self._in_memory: dict[int, list[Population]] = {}
        self._populations: list[Population] = []
        self._before: dict[str, Population] = {}
        self._after: dict[str, Population] = {}
        self._owners: dict[int, str] = {}
        self._misused: set[str] = set()
        self._is_blind = False
        self._is_paused = False

    # ------------------------------------------------------------ what is followed

    def follow_layer(self, name: str, layer: nn.Module, sizes: tuple[int, int]) -> None:
        """Take the calls of a linear layer, (n_in, n_out), as links between two populations."""
        for parameter in layer.parameters():
            for key in (id(parameter), _memory(parameter)):
                if key and self._owners.setdefault(key, name) != name:
                    self._misused |= {name, self._owners[key]}
        is_biased = getattr(layer, "bias", None) is not None

        def note(operands: list[tuple[Tensor, Content]], result: Any) -> None:
            before = self._population_of(operands[0][1], sizes[0])
            self._before.setdefault(name, before).merge(before)
            after = self._after.get(name) or self._new(sizes[1], is_driven=is_biased)
            self._after[name] = after
            for _, content in operands[1:]:
                after.merge(self._population_of(content, sizes[1]))
            self._store(result, after)

        self._replace(layer, "forward", note)

    def follow_neurons(self, module: nn.Module, methods: Iterable[str], *, rests: bool) -> None:
        """Take the calls of a module as element by element; `rests`: silent without input."""

        def note(operands: list[tuple[Tensor, Content]], result: Any) -> None:
            merged = self._merge(operands)
            if merged is not None:
                if not rests or any(content is None for _, content in operands):
                    merged.root().open_in = True
                self._store(result, merged)
            else:
                self._store(result, None)

        for method in methods:
            self._replace(module, method, note)

    def _replace(self, module: nn.Module, method: str, note: Callable[..., None]) -> None:
        original = getattr(module, method)

        @functools.wraps(original)
        def call(*args: Any, **kwargs: Any) -> Any:
            if self._is_paused:
                return original(*args, **kwargs)
            with self._pause():
                operands = self._look_at((args, kwargs))
                result = original(*args, **kwargs)
                note(operands, result)
            return result

        module.__dict__[method] = call

    @contextmanager
    def _pause(self) -> Iterator[None]:
        self._is_paused = True
        try:
            yield
        finally:
            self._is_paused = False

    # ------------------------------------------------------------ what is seen

    def __torch_function__(
        self, func: Any, types: Any, args: tuple[Any, ...] = (), kwargs: Any = None
    ) -> Any:
        """Run a function and note what it does."""
        kwargs = kwargs or {}
        if self._is_paused or func in METADATA:
            return func(*args, **kwargs)
        operands = self._look_at((args, kwargs))
        states = [_state(x) for x, _ in operands]
        result = func(*args, **kwargs)
        call = Call(func, args, kwargs, operands, result)
        content = self._carried(call)
        if content is None and func not in SHAPE_ONLY:
            has_leaked = func in LEAKS or any(is_opaque(leaf) for leaf in leaves(result))
            for (x, read), state in zip(operands, states, strict=True):
                is_exposed = has_leaked or _state(x) != state
                if isinstance(read, Population):
                    read.root().open_out = True
                    if is_exposed:
                        read.open()
                elif is_exposed:
                    self._tags.pop(id(x), None)
        self._store(result, content)
        return result

    def _look_at(self, arguments: Any) -> list[tuple[Tensor, Content]]:
        """Return what is known of the tensors among the arguments."""
        return [(x, self._content_of(x)) for x in leaves(arguments) if isinstance(x, Tensor)]

    def _content_of(self, x: Tensor) -> Content:
        memory = _memory(x)
        owner = self._owners.get(id(x)) or self._owners.get(memory)
        if owner is not None:
            self._misused.add(owner)
        tag = self._tags.get(id(x))
        if tag is not None and tag.version == _version(x):
            return tag.content
        if tag is not None and isinstance(tag.content, Population):
            tag.content.open()  # changed in place by something out of sight
        self._tags.pop(id(x), None)
        aliased = self._in_memory.get(memory, [])
        for population in aliased:
            population.root().open_out = True
        if id(x) not in self._known:
            self._is_blind |= not aliased
            for population in aliased:
                population.open()
            self._known[id(x)] = x
        return None

    def _store(self, result: Any, content: Content) -> None:
        """Note what the tensors of a result hold."""
        for x in leaves(result):
            if not isinstance(x, Tensor):
                continue
            self._known[id(x)] = x
            self._tags.pop(id(x), None)
            if isinstance(content, Population):
                if x.dim() == 0 or x.shape[-1] != content.root().size:
                    content.open()
                if memory := _memory(x):
                    self._in_memory.setdefault(memory, []).append(content)
            if content is not None:
                self._tags[id(x)] = _Tag(content, _version(x))

    def _new(self, size: int, *, is_driven: bool) -> Population:
        self._populations.append(Population(len(self._populations), size, is_driven=is_driven))
        return self._populations[-1]

    def _population_of(self, content: Content, size: int) -> Population:
        if isinstance(content, Population):
            return content
        return self._new(size, is_driven=content is None)

    def _merge(self, operands: list[tuple[Tensor, Content]]) -> Population | None:
        """Make one population of all that the operands hold, None if they hold none."""
        found = {content.root() for _, content in operands if isinstance(content, Population)}
        first = min(found, key=lambda one: one.index, default=None)
        for other in found:
            other.merge(first or other)
        return first

    # ------------------------------------------------------------ what is carried on

    def _carried(self, call: Call) -> Content:
        """Return what the result holds; None: what was read is read by something unknown."""
        if call.function in ZEROS and not call.kwargs.get("out"):
            return "zeros"
        held = [x for x, content in call.operands if content is not None]
        if not held or call.kwargs.get("out") is not None:
            return None
        if any(type(x) not in (Tensor, nn.Parameter) for x in held):
            return None
        n = max(x.shape[-1] if x.dim() else 0 for x in held)
        rule = RULES.get(call.function)
        if rule is None or not rule(call, n):
            return None
        merged = self._merge(call.operands)
        is_silent = stays_silent(call)
        if merged is None:
            return "zeros" if is_silent else None
        merged.open_in |= not is_silent
        return merged

    def wiring(self, result: Any, leftovers: Any) -> Wiring:
        """Return what was found, given what the model returned and what it keeps."""
        kept = [x for x in leaves(leftovers) if id(x) in self._tags]
        for x, content in self._look_at((result, kept)):
            del x
            if isinstance(content, Population):
                content.root().open_out = True
        if self._is_blind or any(is_opaque(leaf) for leaf in leaves(result)):
            return Wiring()
        for name in self._misused:
            for side in (self._before, self._after):
                if name in side:
                    side[name].open()
        junctions = [
            Junction(
                population.size,
                tuple(name for name, end in self._after.items() if end.root() is population),
                tuple(name for name, end in self._before.items() if end.root() is population),
                population.open_in,
                population.open_out,
            )
            for population in self._populations
            if population.root() is population
        ]
        return Wiring(tuple(j for j in junctions if is_of_use(j)))


def is_of_use(junction: Junction) -> bool:
    """Whether a neuron of the junction can die and have links left to lose."""
    closed = not junction.open_in or not junction.open_out
    return bool(junction.sources) and bool(junction.targets) and closed


def _memory(x: Tensor) -> int:
    """Return the address of a tensor's storage, 0 if it has none."""
    try:
        return x.untyped_storage().data_ptr()
    except (NotImplementedError, RuntimeError):
        return 0


def _version(x: Tensor) -> int:
    """Return how often a tensor was changed in place."""
    return -1 if x.is_inference() else x._version


def _state(x: Tensor) -> tuple[int, torch.Size, int]:
    return _version(x), x.shape, _memory(x)
