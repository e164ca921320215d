"""Which network is meant by what a user types."""

from __future__ import annotations

from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from e3dnas.arch import Architecture

__all__ = ["network_of"]


def network_of(source: str, *, frames: int | None = None, size: int | None = None) -> Architecture:
    """Return the network of a registered model's name, or of whatever ``load_architecture`` takes.

    Args:
        source: as typed.
        frames: with clips of so many frames instead of its own.
        size: with clips of so many pixels a side instead of its own.

    Raises:
        E3DNASError: there is no such thing, or it does not describe a network.
    """
    from e3dnas.arch import load_architecture
    from e3dnas.models.user_models import registered_models

    return load_architecture(str(registered_models().get(source, source)), frames=frames, size=size)
