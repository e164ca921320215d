"""Each format is written once a process."""

import pytest
from made_networks import CLASSES, PREPROCESSING, make, needs

from e3dnas.deploy import FORMATS, export


@pytest.fixture(scope="session")
def network():
    return make()


@pytest.fixture(scope="session")
def written(network, tmp_path_factory):
    """Return what ``export`` says of the small network in a format."""
    folder, found = tmp_path_factory.mktemp("written"), {}

    def get(name):
        needs(name)
        if name not in found:
            path = folder / f"small{FORMATS[name].suffix}"
            found[name] = export(
                network, path, name, classes=CLASSES, preprocessing=PREPROCESSING, views={"clips": 2, "crops": 3}
            )
        return found[name]

    return get
