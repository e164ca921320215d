"""A trained network, with what it needs to know of videos: its classes and how its clips are made."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, replace
from functools import partial
from pathlib import Path
from typing import TYPE_CHECKING, Any

from e3dnas.deploy.formats import format_of
from e3dnas.errors import E3DNASError, nearest
from e3dnas.training.networks import NetworkSource, find_network, load_weights
from e3dnas.training.preprocessing import Preprocessing
from e3dnas.training.recipe_data import Views

if TYPE_CHECKING:
    from torch import nn

    from e3dnas.video import Split

__all__ = ["Trained", "find_trained", "seen_in_training"]


@dataclass(frozen=True)
class Trained:
    """A trained network that is not loaded yet.

    Attributes:
        place: where it lies, a folder or an exported file.
        classes: names of its classes.
        prepared: how its clips are made.
        views: the views of a video that its recipe tests with.
        exported: whether it is an exported file.
    """

    place: Path
    classes: tuple[str, ...]
    prepared: Preprocessing
    views: Views
    exported: bool
    _load: Callable[[], nn.Module]

    def with_views(self, clips: int | None, crops: int | None, *, still: bool = False) -> Trained:
        """Return it with other views, or, ``still``, with one frame of each clip, repeated.

        Raises:
            E3DNASError: there are no such views.
        """
        from e3dnas.config import check

        wanted = {
            "clips": self.views.clips if clips is None else clips,
            "crops": self.views.crops if crops is None else crops,
        }
        prepared = replace(self.prepared, still=self.prepared.still or still)
        return replace(self, views=check(Views, wanted, name="views"), prepared=prepared)

    def load(self) -> nn.Module:
        """Return the network with its weights, in evaluation mode."""
        return self._load().eval()

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
                f"{self.place}: does not know the class {unknown[0]!r} of the data"
                f"{nearest(unknown[0], number)}. It knows {_listed(self.classes)}"
            )
        items = tuple(Item(path, number[split.classes[label]]) for path, label in split.items)
        return replace(split, items=items, classes=self.classes)


def find_trained(path: str | Path) -> Trained:
    """Return the trained network in a folder, that of a training or the model in it, or in an exported file.

    Raises:
        E3DNASError: there is none.
    """
    if format_of(path) is not None:
        return _in_file(Path(path))
    source = find_network(path)
    if source.weights is None or source.config is None:
        raise E3DNASError(f"{path}: is not trained; train it with: e3dnas train {path} --data FOLDER")
    where = f"{source.folder}/config.json"
    if not source.classes:
        raise E3DNASError(f"{where}: names no classes (label_names); train it with `e3dnas train`")
    preprocessing, views = seen_in_training(source)
    prepared = Preprocessing.from_dict(preprocessing or {}, where)
    assert source.folder is not None
    return Trained(source.folder, source.classes, prepared, _views(views, where), False, partial(_built, source))


def seen_in_training(source: NetworkSource) -> tuple[dict[str, Any] | None, dict[str, Any]]:
    """Return how a network's clips were made (None: not known) and its views of a test, as plain data."""
    known = (source.config or {}).get("e3dnas")
    known = known if isinstance(known, dict) else {}
    recipe = known.get("training", {}).get("recipe", {})
    return known.get("preprocessing"), recipe.get("test", {})


def _in_file(path: Path) -> Trained:
    from e3dnas.deploy import load
    from e3dnas.training.exported_network import ExportedNetwork

    deployed = load(path)
    if not deployed.classes or deployed.preprocessing is None:
        raise E3DNASError(
            f"{path}: does not say which classes it tells apart and how clips are made: it was exported from a design "
            "and not from a training; train it with `e3dnas train`, and export that"
        )
    prepared = Preprocessing.from_dict(deployed.preprocessing, str(path))
    views = _views(deployed.metadata.views, str(path))
    return Trained(path, deployed.classes, prepared, views, True, partial(ExportedNetwork, deployed))


def _views(data: Mapping[str, Any], where: str) -> Views:
    from e3dnas.config import check

    return check(Views, data, name=where)


def _built(source: NetworkSource) -> nn.Module:
    import e3dnas.models.build

    assert source.weights is not None
    model: nn.Module = e3dnas.models.build.create_model(source.architecture, num_classes=len(source.classes))
    load_weights(model, source.weights)
    return model


def _listed(names: Sequence[str], most: int = 8) -> str:
    return ", ".join(names[:most]) + (", ..." if len(names) > most else "")
