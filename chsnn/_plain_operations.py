"""Where layers and neurons have to be operations of torch's own: no kernel has a place there.

Programs that are run without Python (``torch.export``, ONNX, ``torch.jit.trace``), and transforms
of functions (``torch.func``: per-sample gradients, Jacobians). There a layer multiplies by its
weight, zeros where there is no link, and neurons run step by step.
"""

from __future__ import annotations

import torch

_is_exporting = getattr(torch.compiler, "is_exporting", lambda: False)  # of torch 2.7
NO_SCRIPT = (
    "torch.jit.script reads source code, and not that of sparse layers or LIF neurons: use "
    "torch.export.export, torch.onnx.export or torch.jit.trace, which read a run"
)


def is_captured() -> bool:
    """Whether torch writes down what is run, as a program.

    Examples
    --------
    >>> is_captured()
    False
    """
    return bool(torch.jit.is_tracing() or _is_exporting())


def needs_plain_operations() -> bool:
    """Whether only operations of torch's own will do: in programs, and inside transforms.

    Examples
    --------
    >>> needs_plain_operations()
    False
    >>> import chgraph, chsnn
    >>> layer = chsnn.SparseLinear(chgraph.BipartiteGraph.from_biadjacency([[1, 0], [1, 1]]))
    >>> layer.set_values([1.0, 2.0, 3.0])
    >>> torch.func.jacrev(layer)(torch.ones(2)).detach()
    tensor([[1., 2.],
            [0., 3.]])
    """
    return is_captured() or torch._C._are_functorch_transforms_active()


def breaks_graphs() -> bool:
    """Whether ``torch.compile`` is at work, whose graphs end where kernels begin.

    Examples
    --------
    >>> breaks_graphs()
    False
    """
    return torch.compiler.is_compiling() and not needs_plain_operations()
