"""Taking measures, a user's own among them: whatever goes wrong in one becomes an error that names it."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import numpy as np

from e3dnas.arch import Architecture
from e3dnas.arch.table import Array, LayerTable
from e3dnas.errors import E3DNASError
from e3dnas.measure.registry import Measure

__all__ = ["of_network", "of_table"]


def of_table(measure: Measure, table: LayerTable) -> Array:
    """Return a measure of the layer tables of N networks; shape (N,), not-a-numbers included.

    Raises:
        E3DNASError: the measure raised something, or returned the wrong shape.
    """
    with _named(measure):
        return measure.of_table(table)


def of_network(measure: Measure, architecture: Architecture) -> float:
    """Return a measure of one network, whether it looks at the layer table or at the model.

    Raises:
        E3DNASError: the measure raised something, or returned no finite number.
    """
    if measure.looks_at == "table":
        value = float(of_table(measure, architecture.table())[0])
    else:
        import torch

        from e3dnas.models import create_model

        with torch.random.fork_rng(devices=[]), _named(measure):
            torch.manual_seed(0)  # a score of random weights must not depend on the trials before
            value = measure.of_model(create_model(architecture).eval())
    if not np.isfinite(value):
        raise E3DNASError(f"score {measure.name}: must be a finite number, not {value}")
    return value


@contextmanager
def _named(measure: Measure) -> Iterator[None]:
    try:
        yield
    except E3DNASError:
        raise
    except Exception as error:
        raise E3DNASError(f"score {measure.name}: raised {type(error).__name__}: {error}") from error
