"""Budgets on latency and peak memory in a space file: what they may say, and how mistakes are told."""

import pytest

from e3dnas.errors import E3DNASError
from e3dnas.machine.setting import Setting
from e3dnas.space import load_space


def test_settings_are_read_and_have_defaults():
    space = load_space("tiny", {"budgets": {"latency_ms": {"max": 20, "threads": 2, "dtype": "bfloat16"}}})
    budget = space.declaration.budgets["latency_ms"]
    assert budget.setting == {"threads": 2, "dtype": "bfloat16"}
    assert Setting.of(budget) == Setting("cpu", 1, 2, "bfloat16")
    assert (
        Setting.of(load_space("tiny", {"budgets": {"peak_memory_mib": 9}}).declaration.budgets["peak_memory_mib"])
        == Setting()
    )
    assert Setting.of(None) == Setting()


def test_the_shipped_space_has_one():
    budget = load_space("e3d_latency").declaration.budgets["latency_ms"]
    assert (budget.max, Setting.of(budget)) == (60, Setting())


@pytest.mark.parametrize(
    ("budgets", "line", "problem"),
    [
        ("latency_ms: {max: 20, device: gpu}", 3, "must be one of cpu, cuda, not 'gpu'"),
        ("latency_ms: {max: 20, batch: 0}", 3, "greater than or equal to 1, not 0"),
        ("latency_ms: {max: 20, batch: 1.5}", 3, "must be a valid integer"),
        ("latency_ms: {max: 20, dtype: int8}", 3, "must be one of float32, bfloat16, float16"),
        ("latency_ms: {max: 20, thread: 1}", 3, "unknown key 'thread'; did you mean 'threads'?"),
        ("latency_ms: {max: 20, device: cuda, threads: 2}", 3, "says nothing of a GPU; delete it"),
        ("latency_ms: {device: cpu}", 3, "a budget needs 'min', 'max' or both"),
        ("latency_ms: 0", 3, "must be above 0, not 0"),
        ("flops: {max: 1.0e+7, batch: 2}", 3, "only latency_ms and peak_memory_mib run on a machine; delete it"),
    ],
)
def test_mistakes_are_told_where_they_stand(tmp_path, budgets, line, problem):
    path = tmp_path / "space.yaml"
    path.write_text(f"extends: tiny\nbudgets:\n  {budgets}\n")
    with pytest.raises(E3DNASError) as caught:
        load_space(path)
    assert str(caught.value).startswith(f"{path}:{line}: budgets.")
    assert problem in str(caught.value)
    assert len(str(caught.value).splitlines()) == 1
