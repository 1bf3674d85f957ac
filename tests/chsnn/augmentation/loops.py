"""The changes of one sample, pixel by pixel."""

import numpy as np
import torch


def generator(seed=0):
    return torch.Generator().manual_seed(seed)


def moved(maps, down, right, *, in_a_circle=False):
    """Return maps (T, C, H, W) of one sample moved; what leaves is lost or comes in again."""
    maps = np.asarray(maps)
    height, width = maps.shape[-2:]
    out = np.zeros_like(maps)
    for y in range(height):
        for x in range(width):
            to_y, to_x = y + down, x + right
            if in_a_circle:
                to_y, to_x = to_y % height, to_x % width
            if 0 <= to_y < height and 0 <= to_x < width:
                out[..., to_y, to_x] = maps[..., y, x]
    return out


def mirrored(maps):
    out = np.empty_like(maps)
    for x in range(maps.shape[-1]):
        out[..., maps.shape[-1] - 1 - x] = maps[..., x]
    return out


def covered(maps, row, column, side):
    """Return maps with a square of 0 whose middle is a pixel, or lies before it if side is even."""
    out = maps.copy()
    for y in range(maps.shape[-2]):
        for x in range(maps.shape[-1]):
            if (
                row - side // 2 <= y < row - side // 2 + side
                and column - side // 2 <= x < column - side // 2 + side
            ):
                out[..., y, x] = 0
    return out


def without(maps, way, lost, since, top, left):
    """Return maps (T, C, H, W) without a while ("time") or a rectangle ("area")."""
    out = maps.copy()
    steps, _, height, width = maps.shape
    side = lost**0.5
    for t in range(steps):
        for y in range(height):
            for x in range(width):
                start, stop = since * (1 - lost), since * (1 - lost) + lost
                in_while = start <= (t + 0.5) / steps < stop
                upper, outer = top * (1 - side), left * (1 - side)
                in_area = (
                    upper <= (y + 0.5) / height < upper + side
                    and outer <= (x + 0.5) / width < outer + side
                )
                if (way == "time" and in_while) or (way == "area" and in_area):
                    out[t, :, y, x] = 0
    return out


def samples(batch):
    """Yield the samples (T, C, H, W) of a batch (B, C, H, W) or [T, B, C, H, W]."""
    array = batch.numpy()
    over_time = array if array.ndim == 5 else array[None]
    for i in range(over_time.shape[1]):
        yield over_time[:, i]
