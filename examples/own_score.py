"""A score of one's own, for `e3dnas run examples/own_score.yaml`.

A score whose first parameter is called ``table`` gets the layer table of many networks at once and returns one number
for each; the search screens whole broods with it. One whose first parameter is called ``model`` gets a single PyTorch
model, and is called once a trial.
"""

import numpy as np

from e3dnas import measure
from e3dnas.arch import LayerTable
from e3dnas.measure.entropy import stentr


def lean(table: LayerTable, weight: float = 1.0) -> np.ndarray:
    """STEntr, less a price for parameters: networks that say as much with less; shape (N,)."""
    params = (table.repeat * table.weights).sum(axis=1)
    return stentr(table) - weight * np.log(params)


def spread(model) -> float:
    """A score of the model itself: how far the untrained network tells two random clips apart."""
    import torch

    clip = model.arch.clip
    generator = torch.Generator().manual_seed(0)
    x = torch.randn(2, clip.channels, clip.frames, clip.size, clip.size, generator=generator)
    with torch.no_grad():
        features = model.forward_features(x).flatten(1)
    return float((features[0] - features[1]).norm() / features.norm())


if __name__ == "__main__":
    print(measure("e3d_s")["stentr"])
