"""Published numbers: CH-SNN (arXiv 2511.05581), Tables 1 to 3, as printed there."""

from __future__ import annotations

from dataclasses import dataclass

SOURCE = "arXiv 2511.05581"


@dataclass(frozen=True)
class Gain:
    """A network of Table 1: percent of links absent, accuracy, points over its own dense net."""

    data: str
    network: str
    method: str
    link_sparsity: float
    accuracy: float
    gain: float


def _gains(data: str, network: str, **cells: tuple[float, float, float]) -> list[Gain]:
    names = {
        "grad_r": "Grad R",
        "dpap": "DPAP",
        "sd_snn": "SD-SNN",
        "deep_r": "Deep R",
        "ch_snn": "CH-SNN",
    }
    return [Gain(data, network, names[key], *numbers) for key, numbers in cells.items()]


TABLE_1: tuple[Gain, ...] = (
    *_gains(
        "MNIST",
        "2FC",
        grad_r=(74.29, 98.59, -0.33),
        dpap=(77.36, 98.74, -0.07),
        sd_snn=(45.86, 98.90, 0.09),
        ch_snn=(97.75, 98.97, 0.16),
    ),
    *_gains(
        "MNIST",
        "2Conv2FC",
        grad_r=(49.16, 99.37, 0.02),
        dpap=(61.25, 99.59, 0.13),
        sd_snn=(49.83, 99.51, 0.14),
        ch_snn=(93.91, 99.53, 0.16),
    ),
    *_gains("MNIST", "Spikformer", ch_snn=(81.72, 99.73, 0.02)),
    *_gains(
        "N-MNIST",
        "2Conv2FC",
        grad_r=(75.00, 98.56, -0.27),
        dpap=(63.95, 99.59, 0.06),
        sd_snn=(58.62, 98.78, -0.29),
        ch_snn=(94.73, 99.15, 0.08),
    ),
    *_gains("N-MNIST", "Spikformer", ch_snn=(85.74, 99.45, 0.10)),
    *_gains(
        "CIFAR-10",
        "6Conv2FC",
        grad_r=(71.59, 92.54, -0.30),
        dpap=(50.80, 93.83, -0.71),
        sd_snn=(35.57, 94.59, -0.15),
        ch_snn=(74.62, 94.60, -0.14),
    ),
    *_gains("CIFAR-10", "Spikformer", ch_snn=(82.21, 94.26, -0.10)),
    *_gains("CIFAR-100", "6Conv2FC", sd_snn=(36.94, 75.33, 3.27), ch_snn=(74.45, 75.22, 3.16)),
    *_gains("CIFAR-100", "Spikformer", ch_snn=(82.11, 76.23, 0.75)),
    *_gains("CIFAR10-DVS", "6Conv2FC", ch_snn=(84.34, 72.00, 1.50)),
    *_gains("CIFAR10-DVS", "Spikformer", ch_snn=(85.37, 70.60, 0.40)),
    *_gains(
        "DVS-Gesture",
        "2Conv2FC",
        grad_r=(75.00, 91.95, 7.83),
        deep_r=(75.00, 81.23, -2.89),
        sd_snn=(61.10, 96.21, 1.14),
        ch_snn=(94.73, 95.45, 0.38),
    ),
    *_gains("DVS-Gesture", "Spikformer", ch_snn=(82.25, 93.56, 1.14)),
)


@dataclass(frozen=True)
class Energy:
    """A network of Table 2: spikes, SOPs and energy (mJ) of a whole data set, percents."""

    data: str
    method: str
    spikes: float
    sops: float
    firing_rate: float
    link_sparsity: float
    node_sparsity: float
    accuracy: float
    energy_mj: float


DENSE, SPARSE = "fully connected", "CH-SNN"
TABLE_2: tuple[Energy, ...] = (
    Energy("MNIST", DENSE, 6.1e8, 6.3e11, 31.22, 0, 0, 97.29, 948),
    Energy("MNIST", SPARSE, 3.3e8, 3.2e10, 16.83, 94.59, 23.47, 97.56, 48),
    Energy("DVS-Gesture", DENSE, 2.2e7, 5.2e10, 4.02, 0, 0, 89.02, 78),
    Energy("DVS-Gesture", SPARSE, 1.3e7, 5.0e8, 2.45, 98.84, 12.30, 91.29, 0.8),
    Energy("N-MNIST", DENSE, 2.5e8, 1.4e11, 10.42, 0, 0, 96.38, 216),
    Energy("N-MNIST", SPARSE, 1.2e8, 2.9e9, 4.72, 98.46, 41.90, 96.20, 4.4),
    Energy("CIFAR-10", DENSE, 6.3e7, 2.8e10, 30.70, 0, 0, 80.67, 41),
    Energy("CIFAR-10", SPARSE, 1.9e7, 4.8e8, 9.28, 93.78, 0, 82.84, 0.7),
)

VARIANTS = ("neither", "SSCTI only", "SSWI only", "both")
SPARSITIES = (99, 95, 80, 70)
# Accuracy (%) at each of SPARSITIES, for each of VARIANTS.
TABLE_3: dict[str, dict[str, tuple[float, ...]]] = {
    "N-MNIST": {
        "neither": (9.80, 9.80, 9.80, 91.99),
        "SSCTI only": (9.80, 88.82, 96.95, 97.12),
        "SSWI only": (89.61, 94.74, 96.53, 96.87),
        "both": (96.20, 97.21, 97.29, 97.22),
    },
    "MNIST": {
        "neither": (9.80, 9.80, 97.23, 97.78),
        "SSCTI only": (70.41, 96.57, 97.57, 97.57),
        "SSWI only": (78.09, 96.81, 97.88, 97.91),
        "both": (96.88, 97.56, 98.11, 98.00),
    },
    "DVS-Gesture": {
        "neither": (9.09, 9.09, 9.09, 9.09),
        "SSCTI only": (9.09, 9.09, 78.79, 86.74),
        "SSWI only": (76.52, 87.12, 87.50, 86.74),
        "both": (91.29, 91.29, 88.64, 89.02),
    },
    "CIFAR-10": {
        "neither": (10.00, 57.35, 78.89, 77.95),
        "SSCTI only": (34.55, 76.83, 80.01, 78.19),
        "SSWI only": (77.40, 81.62, 80.62, 80.65),
        "both": (78.94, 82.84, 81.73, 81.42),
    },
}
