"""Finding measures by name and by import path, and what a user's own function may do wrong."""

import sys
from types import SimpleNamespace

import numpy as np
import pytest

from e3dnas.arch import load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.measure.entropy import stentr
from e3dnas.measure.registry import MEASURES, Measure, measure_table, resolve

TABLE = load_architecture("e3d_s").table()

SCORES = """
import numpy as np

def plain(table, factor=1.0):
    return factor * (table.repeat * table.main).sum(axis=1)

def scalar(table):
    return 5

def one_short(table):
    return np.zeros(table.shape[0] + 1)

def words(table):
    return ["x"]

def none(table):
    return None

def of_model(model, power=1):
    return sum(p.numel() for p in model.parameters()) ** power

def text_of_model(model):
    return "many"

def nothing(): ...
def misnamed(layers): ...
def keyword(table, *, needed): ...
number = 5
"""


@pytest.fixture
def folder(tmp_path, request):
    """A folder with a module of scores in it, under a name of its own."""
    name = f"scores_{abs(hash(request.node.name))}"
    (tmp_path / f"{name}.py").write_text(SCORES)
    yield tmp_path, name
    sys.modules.pop(name, None)


def test_names():
    assert list(MEASURES) == ["stentr", "homoentr", "flops", "conv_macs", "params", "layers", "activations"]
    for name in MEASURES:
        measure = resolve(name)
        assert measure.looks_at == "table"
        assert measure.of_table(TABLE) == measure_table(TABLE)[name]


def test_options():
    weighted = resolve("stentr", {"stage_weights": [1, 1, 1, 1, 1]})
    assert weighted.of_table(TABLE) == stentr(TABLE, [1] * 5)
    assert weighted.options == {"stage_weights": [1, 1, 1, 1, 1]}


def test_own_scores(folder):
    place, module = folder
    path = list(sys.path)
    own = resolve(f"{module}:plain", {"factor": 2}, folder=place)
    assert own.of_table(TABLE).tolist() == [166.0]
    assert resolve(f"{module}:scalar", folder=place).of_table(TABLE).tolist() == [5.0]
    assert sys.path == path


def test_own_score_of_the_model(folder):
    place, module = folder
    import torch

    measure = resolve(f"{module}:of_model", {"power": 2}, folder=place)
    assert measure.looks_at == "model"
    assert measure.of_model(torch.nn.Linear(3, 2)) == 64.0
    with pytest.raises(E3DNASError, match="text_of_model: must return one number, not 'many'"):
        resolve(f"{module}:text_of_model", folder=place).of_model(torch.nn.Identity())


def test_the_current_folder_is_looked_in(folder, monkeypatch):
    place, module = folder
    monkeypatch.chdir(place)
    assert resolve(f"{module}:scalar").of_table(TABLE).tolist() == [5.0]


def test_the_import_path_comes_before_the_folder(tmp_path):
    (tmp_path / "json.py").write_text("raise RuntimeError('shadowed')")
    with pytest.raises(E3DNASError, match="not 'obj'"):
        resolve("json:dumps", folder=tmp_path)
    path = list(sys.path)
    resolve("e3dnas.measure.entropy:stentr", folder=type(tmp_path)(sys.path[-1]))  # already on the path: stays on it
    assert sys.path == path


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        ("one_short", {}, r"must return one number for each of the 1 networks, not an array of shape \(2,\)"),
        ("words", {}, r"must return numbers, not \['x'\]"),
    ],
)
def test_wrong_results(folder, function, options, message):
    place, module = folder
    measure = resolve(f"{module}:{function}", options, folder=place)
    with pytest.raises(E3DNASError, match=f"^score {module}:{function}: {message}"):
        measure.of_table(TABLE)


def test_what_is_not_a_number_is_passed_on(folder):
    place, module = folder
    assert np.isnan(resolve(f"{module}:none", folder=place).of_table(TABLE)).all()  # a search ranks it last


@pytest.mark.parametrize(
    ("function", "options", "message"),
    [
        (
            "misnamed",
            {},
            r"its first parameter must be called 'table' .* or 'model' \(one torch module\), not 'layers'",
        ),
        ("nothing", {}, r"its first parameter must be called 'table' .*, not None"),
        ("number", {}, r"'.*' has no function 'number'"),
        ("plian", {}, r"has no function 'plian'; did you mean 'plain'\?"),
        ("", {}, r"has no function ''"),
        ("plain", {"fctor": 2}, r"got an unexpected keyword argument 'fctor'; it takes \(table, factor=1\.0\)"),
        ("plain", {"table": 2}, r"multiple values for argument 'table'"),
        ("keyword", {}, r"missing a required .*argument: 'needed'; it takes \(table, \*, needed\)"),
    ],
)
def test_wrong_functions(folder, function, options, message):
    place, module = folder
    with pytest.raises(E3DNASError, match=f"^score {module}:{function}: .*{message}"):
        resolve(f"{module}:{function}", options, folder=place)


@pytest.mark.parametrize(
    ("name", "message"),
    [
        (
            "stntr",
            r"^unknown measure 'stntr'; did you mean 'stentr'\? Known: stentr, .* package\.module:func",
        ),
        ("zzz", r"^unknown measure 'zzz'\. Known: stentr"),
        ("", r"^unknown measure ''\. Known"),
        ("no_such_module:f", r"^score no_such_module:f: cannot import 'no_such_module': ModuleNotFoundError"),
        (":f", r"^score :f: cannot import ''"),
        ("..x:f", r"^score \.\.x:f: cannot import '\.\.x'"),
        ("math:pi", r"^score math:pi: 'math' has no function 'pi'$"),
    ],
)
def test_unknown_names(name, message):
    with pytest.raises(E3DNASError, match=message):
        resolve(name)


@pytest.mark.parametrize(
    ("content", "error"),
    [
        ("1 / 0", "ZeroDivisionError: division by zero"),
        ("def f(:", "SyntaxError"),
        ("import nothing_here", "ModuleNotFo"),
    ],
    ids=["raises", "syntax", "import"],
)
def test_modules_that_cannot_be_imported(tmp_path, content, error):
    (tmp_path / "broken_scores.py").write_text(content)
    path = list(sys.path)
    with pytest.raises(E3DNASError, match=f"^score broken_scores:f: cannot import 'broken_scores': {error}"):
        resolve("broken_scores:f", folder=tmp_path)
    assert sys.path == path


def test_one_number_for_many_networks_is_refused():
    table = SimpleNamespace(shape=(2, 3), weights=np.ones((2, 3)))
    for function, shape in ((lambda table: table.weights.sum(), r"\(\)"), (lambda table: np.ones(1), r"\(1,\)")):
        with pytest.raises(E3DNASError, match=rf"one number for each of the 2 networks, not an array of shape {shape}"):
            Measure("sum", function, "table").of_table(table)
