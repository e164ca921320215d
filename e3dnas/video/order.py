"""Which item comes when: shuffled anew each epoch, the same for any number of workers, and resumable at any step."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import numpy as np
from torch.utils.data import Sampler

from e3dnas.errors import E3DNASError
from e3dnas.video.samples import Draw

__all__ = ["ClipOrder"]


class ClipOrder(Sampler[Draw]):
    """The order of the items of a split, epoch after epoch: the ``sampler`` of a DataLoader.

    A DataLoader asks for items before they are needed, so that the order itself cannot know how far training is: call
    ``advance`` after each step. Then ``state_dict`` says where to go on, and a loader over an order with that state
    begins with the next item that training has not seen.

    In a group of processes each takes every ``world``-th item: what they take at one step is, together, what one
    process with the whole batch would take.

    Args:
        total: items of the split.
        seed: decides the order, with the epoch.
        shuffle: whether items come in a new order each epoch, or as they stand.
        rank: which process of the group this is, from 0.
        world: processes of the group.
        even: give all processes equally many items, by repeating the first ones at the end; for training. In tests an
            item given twice would count twice.
    """

    def __init__(
        self, total: int, *, seed: int = 0, shuffle: bool = True, rank: int = 0, world: int = 1, even: bool = True
    ) -> None:
        if total < 1 or not 0 <= rank < world:
            raise E3DNASError(f"order: needs an item and a rank below world, not total {total}, {rank} of {world}")
        self.total, self.seed, self.shuffle = total, seed, shuffle
        self.rank, self.world, self.even = rank, world, even
        self.epoch = self.done = 0

    def set_epoch(self, epoch: int) -> None:
        """Begin an epoch; the one that is under way goes on where it is."""
        if epoch != self.epoch:
            self.epoch, self.done = epoch, 0

    def advance(self, items: int) -> None:
        """Say that all processes together have used so many more items of this epoch."""
        self.done += items

    def state_dict(self) -> dict[str, Any]:
        """Return where training is: all that decides which items come next."""
        return {"seed": self.seed, "total": self.total, "epoch": self.epoch, "done": self.done}

    def load_state_dict(self, state: dict[str, Any]) -> None:
        """Go on from a state.

        Raises:
            E3DNASError: it is of a split with another number of items, or of another seed.
        """
        for name in ("total", "seed"):
            if state[name] != getattr(self, name):
                raise E3DNASError(
                    f"order: cannot resume with {name} {getattr(self, name)}, the checkpoint has {state[name]}; "
                    "the data must be what it was"
                )
        self.epoch, self.done = int(state["epoch"]), int(state["done"])

    def __iter__(self) -> Iterator[Draw]:
        for place in self._whole()[self.done + self.rank :: self.world]:
            yield Draw(self.epoch, int(place))

    def __len__(self) -> int:
        """Return the items that are left of this epoch for this process."""
        return len(range(self.done + self.rank, len(self._whole()), self.world))

    def _whole(self) -> np.ndarray[Any, np.dtype[np.int64]]:
        """Return the items of this epoch, for all processes."""
        order = np.arange(self.total)
        if self.shuffle:
            order = np.random.default_rng((self.seed, self.epoch)).permutation(self.total)
        return np.resize(order, -(-self.total // self.world) * self.world) if self.even else order
