"""A trained network, with what it needs to know of videos: its classes and how its clips are made."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.errors import E3DNASError, nearest
from e3dnas.training.networks import NetworkSource, find_network, load_weights
from e3dnas.training.preprocessing import Preprocessing
from e3dnas.training.recipe_data import Views

if TYPE_CHECKING:
    from torch import nn

    from e3dnas.video import Split

__all__ = ["Trained", "find_trained"]


@dataclass(frozen=True)
class Trained:
    """A trained network that is not loaded yet.

    Attributes:
        source: where it lies.
        classes: names of its classes.
        prepared: how its clips are made.
        views: the views of a video that its recipe tests with.
    """

    source: NetworkSource
    classes: tuple[str, ...]
    prepared: Preprocessing
    views: Views

    def with_views(self, clips: int | None, crops: int | None, *, still: bool = False) -> Trained:
        """Return it with other views, or, ``still``, with one frame of each clip, repeated.

        Raises:
            E3DNASError: there are no such views.
        """
        from e3dnas.config import check

        wanted = {"clips": clips or self.views.clips, "crops": crops or self.views.crops}
        prepared = replace(self.prepared, still=self.prepared.still or still)
        return replace(self, views=check(Views, wanted, name="views"), prepared=prepared)

    def load(self) -> nn.Module:
        """Return the network with its weights, in evaluation mode."""
        import e3dnas.models.build

        assert self.source.weights is not None
        model: nn.Module = e3dnas.models.build.create_model(self.source.architecture, num_classes=len(self.classes))
        load_weights(model, self.source.weights)
        return model.eval()

    def own_labels(self, split: Split) -> Split:
        """Return a split with its labels as this network numbers them.

        Raises:
            E3DNASError: it has a class that the network does not know.
        """
        from e3dnas.video import Item

        if split.classes == self.classes:
            return split
        number = {name: label for label, name in enumerate(self.classes)}
        unknown = [name for name in split.classes if name not in number]
        if unknown:
            raise E3DNASError(
                f"{self.source.folder}: does not know the class {unknown[0]!r} of the data"
                f"{nearest(unknown[0], number)}. It knows {_listed(self.classes)}"
            )
        items = tuple(Item(path, number[split.classes[label]]) for path, label in split.items)
        return replace(split, items=items, classes=self.classes)


def find_trained(path: str | Path) -> Trained:
    """Return the trained network in a folder: that of a training, or the model in it.

    Raises:
        E3DNASError: there is none.
    """
    source = find_network(path)
    if source.weights is None or source.config is None:
        where = Path(path)
        if (where / "checkpoints").is_dir():
            raise E3DNASError(f"{path}: the training has not ended; go on with it by e3dnas train ... --resume")
        raise E3DNASError(f"{path}: is not trained; train it with: e3dnas train {path} --data FOLDER")
    known: Any = source.config.get("e3dnas")
    known = known if isinstance(known, dict) else {}
    where_is = f"{source.folder}/config.json"
    if not source.classes:
        raise E3DNASError(f"{where_is}: names no classes (label_names); train it with `e3dnas train`")
    prepared = Preprocessing.from_dict(known.get("preprocessing", {}), where_is)
    recipe = known.get("training", {}).get("recipe", {})
    from e3dnas.config import check

    views = check(Views, recipe.get("test", {}), name=where_is)
    return Trained(source, source.classes, prepared, views)


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
