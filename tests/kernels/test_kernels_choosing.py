"""Which implementation serves a shape on a GPU: measured once, never in a capture, nor where bits must repeat."""

import pytest
import torch

from e3dnas.kernels import choosing
from e3dnas.kernels.choosing import OURS, choices, fastest, forget


@pytest.fixture
def timed(monkeypatch):
    """What was timed; a way's time is the number it returns."""
    seen = []
    monkeypatch.delenv("E3DNAS_KERNELS", raising=False)
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)

    def fake(name, way):
        seen.append(name)
        return way()

    monkeypatch.setattr(choosing, "_milliseconds", fake)
    forget()
    yield seen
    forget()


def ways(**times):
    return {name: (lambda time=time: time) for name, time in times.items()}


def test_the_fastest_is_measured_once_and_remembered(timed):
    assert fastest("a", ways(triton=3, contiguous=2, channels_last=5)) == 2
    assert fastest("a", ways(triton=0, contiguous=7, channels_last=5)) == 7
    assert fastest("b", ways(triton=1, contiguous=2, channels_last=5)) == 1
    assert timed == ["triton", "contiguous", "channels_last"] * 2
    assert choices() == {"a": "contiguous", "b": OURS}


def test_nothing_is_timed_in_a_capture_and_nothing_remembered(timed, monkeypatch):
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: True)
    assert fastest("a", ways(triton=3, contiguous=2)) == 3
    assert (timed, choices()) == ([], {})


def test_ours_is_taken_untimed_where_asked_for_or_where_bits_must_repeat(timed, monkeypatch):
    torch.use_deterministic_algorithms(True)
    try:
        assert fastest("a", ways(triton=3, contiguous=2)) == 3
    finally:
        torch.use_deterministic_algorithms(False)
    monkeypatch.setenv("E3DNAS_KERNELS", "1")
    assert fastest("a", ways(triton=3, contiguous=2)) == 3
    assert (timed, choices()) == ([], {})


class Event:
    """A CUDA event that has seen nothing happen."""

    def __init__(self, enable_timing):
        assert enable_timing

    def record(self):
        pass

    def synchronize(self):
        pass

    def elapsed_time(self, end):
        return 6.0


def broken():
    raise RuntimeError("no C compiler")


def test_a_way_that_does_not_work_is_not_chosen(monkeypatch):
    monkeypatch.delenv("E3DNAS_KERNELS", raising=False)
    monkeypatch.setattr(torch.cuda, "Event", Event)
    runs = []
    assert choosing._milliseconds("contiguous", lambda: runs.append(1)) == 2.0  # milliseconds a launch
    assert len(runs) == 4
    with pytest.warns(UserWarning, match="Triton kernels do not work here, PyTorch's .* used: no C compiler"):
        assert choosing._milliseconds(OURS, broken) == float("inf")
    assert choosing._milliseconds("channels_last", broken) == float("inf")
    monkeypatch.setattr(torch.cuda, "is_current_stream_capturing", lambda: False)
    forget()
    assert fastest("a", {OURS: lambda: 1, "contiguous": broken}) == 1
    with pytest.raises(RuntimeError, match="no C compiler"), pytest.warns(UserWarning, match="do not work here"):
        fastest("b", {OURS: broken, "contiguous": broken})
    assert choices() == {"a": OURS}
    forget()
