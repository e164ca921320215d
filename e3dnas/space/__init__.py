"""What may be chosen: YAML files, checked and compiled into genes, with repair, sampling and decoding."""

from e3dnas.space.loading import load_space, shipped_spaces
from e3dnas.space.space import SearchSpace

__all__ = ["SearchSpace", "load_space", "shipped_spaces"]
