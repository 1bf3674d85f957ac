"""Figure 2 and Table 1: sparsity against accuracy gain, ours beside the published points."""

from __future__ import annotations

from pathlib import Path

from matplotlib.figure import Figure

from analysis.figures.ours import OurGain, gains
from analysis.figures.published import SOURCE, TABLE_1

_MARKERS = {"CH-SNN": "o", "Grad R": "s", "SD-SNN": "^", "DPAP": "D", "Deep R": "v"}
_COLORS = {
    "CH-SNN": "#c2410c",
    "Grad R": "#1d4ed8",
    "SD-SNN": "#0f766e",
    "DPAP": "#7c3aed",
    "Deep R": "#a16207",
}
_OTHER = "#64748b"
CAPTION = (
    "Figure 2. Links absent over all layers, against accuracy over the dense network of the same "
    f"study. Hollow: published ({SOURCE}, Table 1), every data set and network. Filled: our runs, "
    "means over seeds, each beside its own dense twin (file and seeds in table_1.md). One point at "
    "+7.8 (Grad R on DVS-Gesture) lies outside."
)


def figure(results: Path) -> Figure:
    """Draw Figure 2."""
    drawing = Figure(figsize=(8.5, 4.6), layout="constrained")
    ax = drawing.subplots()
    ax.axhline(0.0, color="#475569", linewidth=1, linestyle="--", label="dense network")
    for method, marker in _MARKERS.items():
        points = [(g.link_sparsity, g.gain) for g in TABLE_1 if g.method == method]
        sparsity, gain = zip(*points, strict=True)
        ax.scatter(
            sparsity,
            gain,
            marker=marker,
            facecolors="none",
            edgecolors=_COLORS[method],
            s=42,
            label=f"{method} (published)",
        )
    for name, members in _by_method(gains(results)).items():
        ax.scatter(
            [g.link_sparsity for g in members],
            [g.gain for g in members],
            marker=_MARKERS.get(name, "P"),
            color=_COLORS.get(name, _OTHER),
            s=38,
            zorder=3,
            label=f"{name} (ours)",
        )
    ax.set(xlabel="links absent, all layers (%)", ylabel="accuracy gain (points)", ylim=(-4.0, 4.0))
    ax.spines[["top", "right"]].set_visible(False)
    drawing.legend(frameon=False, fontsize=8, loc="outside right upper")
    return drawing


def _by_method(found: list[OurGain]) -> dict[str, list[OurGain]]:
    named: dict[str, list[OurGain]] = {}
    for gain in found:
        name = gain.method if gain.method in _MARKERS else "other methods and variants"
        named.setdefault(name, []).append(gain)
    return named


def table(results: Path) -> str:
    """Return Table 1: published rows, then ours."""
    text = (
        "Table 1. Links absent over all layers (convolutions count as dense links), accuracy, and "
        "points over the dense network.\n\n"
        "| data | network | method | links absent (%) | accuracy (%) | gain (points) | from |\n"
        "|---|---|---|---|---|---|---|\n"
    )
    for gain in TABLE_1:
        text += (
            f"| {gain.data} | {gain.network} | {gain.method} | {gain.link_sparsity:.2f} "
            f"| {gain.accuracy:.2f} | {gain.gain:+.2f} | {SOURCE} |\n"
        )
    for ours in gains(results):
        seeds = ", ".join(map(str, ours.seeds))
        text += (
            f"| {ours.data} | {ours.network} | {ours.method} | {ours.link_sparsity:.2f} "
            f"| {ours.accuracy:.2f} | {ours.gain:+.2f} | ours: {ours.source}, seeds {seeds} |\n"
        )
    return text
