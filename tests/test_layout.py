"""The rules of the house: who may import whom, what every module says about itself, and how long it may be."""

import ast
import subprocess
import sys
from pathlib import Path

import pytest

import e3dnas

ROOT = Path(e3dnas.__file__).parent
MODULES = {
    ".".join(("e3dnas", *path.relative_to(ROOT).with_suffix("").parts)).removesuffix(".__init__"): path
    for path in sorted(ROOT.rglob("*.py"))
}
HEAVY = {"torch", "timm", "thop", "torchvision"}
LIGHT = ["e3dnas.errors", "e3dnas.config", "e3dnas.arch", "e3dnas.space", "e3dnas.measure"]

# What a room may know of the others, wherever in its modules the import stands.
KNOWS = {
    "e3dnas.errors": set(),
    "e3dnas.config": {"errors"},
    "e3dnas.arch": {"errors", "config"},
    "e3dnas.space": {"errors", "config", "arch"},
    "e3dnas.measure": {"errors", "config", "arch"},
    "e3dnas.kernels": {"errors"},
    "e3dnas.models": {"errors", "config", "arch", "measure", "kernels"},
    "e3dnas.deploy": {"errors", "config", "arch", "measure", "models"},
    "e3dnas.training": {"errors", "config", "arch", "measure", "models", "video", "deploy"},
    "e3dnas.bound": {"errors", "config", "arch", "space", "measure"},
    "e3dnas.video": {"errors", "config", "arch"},
    "e3dnas.machine": {"errors", "config", "arch", "space", "measure", "models", "kernels"},
    "e3dnas.bench": {"errors", "config", "arch", "measure", "models", "kernels", "deploy", "machine", "training"},
    "e3dnas.search": {"errors", "config", "arch", "space", "measure", "models", "bound", "machine"},
}


def imports(path, top_only=False):
    """Every module that the file imports, ``from a import b`` as both a and a.b; nothing under TYPE_CHECKING."""
    found = set()
    nodes = [ast.parse(path.read_text())]
    while nodes:
        node = nodes.pop()
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom):
            assert node.level == 0, f"{path}: relative import"
            found |= {node.module} | {f"{node.module}.{alias.name}" for alias in node.names}
        elif isinstance(node, ast.If) and isinstance(node.test, ast.Name) and node.test.id == "TYPE_CHECKING":
            nodes += node.orelse
        elif not (top_only and isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef)):
            nodes += ast.iter_child_nodes(node)
    return found


def room(module):
    parts = module.split(".")
    return parts[1] if parts[0] == "e3dnas" and len(parts) > 1 else None


@pytest.mark.parametrize("owner", KNOWS)
def test_rooms_know_only_what_lies_before_them(owner):
    for module, path in MODULES.items():
        if module == owner or module.startswith(f"{owner}."):
            known = {room(imported) for imported in imports(path)} - {None}
            assert known <= KNOWS[owner] | {room(owner)}, module


@pytest.mark.parametrize("owner", LIGHT)
def test_light_rooms_name_no_heavy_package(owner):
    for module, path in MODULES.items():
        if module == owner or module.startswith(f"{owner}."):
            assert not {name.split(".")[0] for name in imports(path)} & HEAVY, module
            assert "optuna" not in {name.split(".")[0] for name in imports(path, top_only=True)}, module


def test_light_rooms_load_nothing_heavy():
    light = [m for m in MODULES if any(f"{m}.".startswith(f"{one}.") for one in LIGHT)]
    assert len(light) > 20
    heavy = sorted(HEAVY | {"optuna", "pandas", "matplotlib"})
    code = (
        f"import importlib, sys\nfor name in {light}: importlib.import_module(name)\n"
        "from e3dnas.space import load_space\nload_space('e3d')\n"
        f"print(*(name for name in {heavy} if name in sys.modules))"
    )
    done = subprocess.run([sys.executable, "-W", "error", "-c", code], capture_output=True, text=True, check=False)
    assert (done.stdout.strip(), done.stderr) == ("", "")


@pytest.mark.parametrize("module", MODULES)
def test_modules_say_what_they_are(module):
    tree = ast.parse(MODULES[module].read_text())
    assert ast.get_docstring(tree), "no docstring"
    public = {
        node.name
        for node in tree.body
        if isinstance(node, ast.FunctionDef | ast.ClassDef) and not node.name.startswith("_")
    }
    names = [
        ast.literal_eval(node.value)
        for node in tree.body
        if isinstance(node, ast.Assign) and any(isinstance(t, ast.Name) and t.id == "__all__" for t in node.targets)
    ]
    if public or len(tree.body) > 1:
        assert len(names) == 1, "no __all__"
        assert sorted(set(names[0])) == sorted(names[0]), "a name stands twice in __all__"
    for node in ast.walk(tree):
        if isinstance(node, ast.ClassDef | ast.FunctionDef) and node.name in public:
            assert ast.get_docstring(node), f"{node.name}: no docstring"


@pytest.mark.parametrize("module", MODULES)
def test_modules_and_functions_are_short(module):
    text = MODULES[module].read_text()
    assert len(text.splitlines()) <= 350
    long = [
        f"{node.name}: {node.end_lineno - node.lineno + 1} lines"
        for node in ast.walk(ast.parse(text))
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.end_lineno - node.lineno + 1 > 60
    ]
    assert not long
