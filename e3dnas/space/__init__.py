"""What may be chosen: YAML files, checked and compiled into genes, with repair, sampling and decoding."""

from e3dnas.space.family import Family, load_family
from e3dnas.space.loading import load_space, shipped_spaces
from e3dnas.space.space import SearchSpace

__all__ = ["Family", "SearchSpace", "load_family", "load_space", "shipped_spaces"]
