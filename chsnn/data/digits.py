"""The 1,797 handwritten digits of 8 x 8 pixels that scikit-learn brings along."""

from __future__ import annotations

import numpy as np
import torch

from chsnn.data.datasets import DataSet, Samples

_SPLIT_SEED = 20251107
_N_TEST, _N_VALIDATION = 360, 180


def load_digits() -> DataSet:
    """Load scikit-learn's digits: 1,257 training, 180 validation and 360 test images.

    The split is one fixed shuffle, the same for every run and seed. Intensities 0-16 are
    scaled to [0, 1].
    """
    from sklearn.datasets import load_digits as load

    bunch = load()
    order = np.random.default_rng(_SPLIT_SEED).permutation(len(bunch.target))
    images = torch.from_numpy((bunch.data[order] / 16.0).astype(np.float32))
    labels = torch.from_numpy(bunch.target[order].astype(np.int64))
    n_train = len(labels) - _N_TEST - _N_VALIDATION
    parts = torch.arange(len(labels)).split([n_train, _N_VALIDATION, _N_TEST])
    train, validation, test = (Samples(images[part], labels[part]) for part in parts)
    return DataSet("digits", 10, train, validation, test, in_shape=(1, 8, 8))
