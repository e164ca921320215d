"""What a network is: its spec, the files it is kept in, and its layer table. Nothing here needs torch."""

from e3dnas.arch.architecture import Architecture, Clip, Head, Stage, Stem
from e3dnas.arch.loading import load_architecture
from e3dnas.arch.table import LayerTable

__all__ = ["Architecture", "Clip", "Head", "LayerTable", "Stage", "Stem", "load_architecture"]
