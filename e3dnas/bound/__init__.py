"""How good a network of a space can be, with proof: the space as a chain of choices, solved exactly."""

from e3dnas.bound.api import Bound, bound, least
from e3dnas.bound.fronts import Front, front

__all__ = ["Bound", "Front", "bound", "front", "least"]
