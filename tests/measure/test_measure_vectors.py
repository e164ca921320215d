"""The authors' own numbers: score, depth, parameters and thop's count of published networks and their mutations."""

import json
from pathlib import Path

import pytest

from e3dnas.arch import load_architecture
from e3dnas.arch.tinynas import from_tinynas
from e3dnas.measure.registry import measure_table
from e3dnas.models.profile import profile_architecture

VECTORS = json.loads((Path(__file__).parents[1] / "data" / "vectors.json").read_text())


def test_there_are_fifteen():
    assert len(VECTORS) == 15
    assert {(v["frames"], v["size"]) for v in VECTORS} == {(13, 160), (16, 224), (16, 312)}


@pytest.mark.parametrize("vector", VECTORS, ids=[f"{i}-{v['frames']}x{v['size']}" for i, v in enumerate(VECTORS)])
def test_numbers_of_the_authors_code(vector):
    architecture = from_tinynas(vector["structure"], frames=vector["frames"], size=vector["size"])
    found = {key: value[0] for key, value in measure_table(architecture.table()).items()}
    assert found["stentr"] == pytest.approx(vector["stentr"], abs=1e-9, rel=0)
    assert (found["layers"], found["params"]) == (vector["layers"], vector["params"])
    assert profile_architecture(architecture).params == vector["params"]
    if vector["thop_flops"] is not None:  # where the authors' network can run
        assert found["flops"] == vector["thop_flops"]


def test_published_e3d_s():
    found = measure_table(load_architecture("e3d_s").table())
    assert found["stentr"][0] == pytest.approx(202.8559146389, abs=1e-10)
    assert (found["flops"][0], found["params"][0], found["layers"][0]) == (1_980_409_600, 1_976_232, 83)
