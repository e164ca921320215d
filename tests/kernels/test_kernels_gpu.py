"""The operator on a GPU: outputs and gradients against float64, repeatable, in graphs, compiled, in a network."""

import copy

import pytest
import torch
import torch.nn.functional as F

from e3dnas.kernels import depthwise_conv3d
from e3dnas.kernels.choosing import choices, forget
from e3dnas.kernels.operator import backward_op, forward_op

pytestmark = [
    pytest.mark.gpu,
    pytest.mark.skipif(not torch.cuda.is_available(), reason="no CUDA device here"),
]

BELOW = {torch.float32: 1e-5, torch.bfloat16: 1e-2, torch.float16: 1e-3}

# B, C, T, H, W, k_t, k, stride
SHAPES = [
    (3, 32, 13, 40, 40, 1, 5, 1), (3, 32, 13, 79, 80, 1, 5, 2), (2, 96, 13, 40, 39, 3, 3, 2),
    (5, 176, 13, 10, 10, 3, 3, 1), (5, 384, 13, 10, 10, 3, 3, 2), (5, 384, 13, 5, 5, 3, 3, 1),
    (2, 33, 5, 7, 9, 3, 5, 2), (2, 20, 4, 6, 5, 5, 1, 1),
]  # fmt: skip


@pytest.fixture(params=["1", ""])
def kernels(request, monkeypatch):
    """The Triton kernels, and whatever is the fastest."""
    pytest.importorskip("triton")
    monkeypatch.setenv("E3DNAS_KERNELS", request.param)
    forget()
    return request.param


def relative(found, expected):
    return float((found.double() - expected).norm() / expected.norm())


@pytest.mark.parametrize("dtype", BELOW, ids=str)
@pytest.mark.parametrize("shape", SHAPES, ids=str)
def test_all_three_directions_against_float64(shape, dtype, kernels, monkeypatch):
    *sizes, kernel_t, kernel, stride = shape
    torch.manual_seed(0)
    x = torch.randn(sizes, device="cuda").to(dtype)
    weight = torch.randn(sizes[1], 1, kernel_t, kernel, kernel, device="cuda").to(dtype)
    x64, weight64 = x.double().cpu().requires_grad_(), weight.double().cpu().requires_grad_()
    padding = (kernel_t // 2, kernel // 2, kernel // 2)
    y64 = F.conv3d(x64, weight64, None, (1, stride, stride), padding, groups=sizes[1])
    dy = torch.randn(y64.shape, device="cuda").to(dtype)
    expected = y64.detach(), *torch.autograd.grad(y64, (x64, weight64), dy.double().cpu())
    found = forward_op(x, weight, stride), *backward_op(dy, x, weight, stride, True, True)
    for one, wanted in zip(found, expected, strict=True):
        assert one.dtype == dtype
        assert relative(one.cpu(), wanted) < BELOW[dtype]
    if kernels == "1":
        again = forward_op(x, weight, stride), *backward_op(dy, x, weight, stride, True, True)
        assert all(torch.equal(one, other) for one, other in zip(found, again, strict=True))
        assert not choices()
    else:
        assert len(choices()) == 3


def test_a_cuda_graph_replays_it(kernels):
    x = torch.randn(2, 16, 3, 9, 9, device="cuda")
    weight = torch.randn(16, 1, 3, 3, 3, device="cuda")
    depthwise_conv3d(x, weight)  # compiles, and chooses
    graph = torch.cuda.CUDAGraph()
    with torch.cuda.graph(graph):
        y = depthwise_conv3d(x, weight)
    x.normal_()
    graph.replay()
    torch.testing.assert_close(y, F.conv3d(x, weight, None, 1, 1, groups=16), rtol=1e-3, atol=1e-3)


def network():
    from e3dnas.arch import load_architecture
    from e3dnas.models import E3D

    stages = [
        {"depth": 2, "out": 16, "bottleneck": 24, "kernel": "1x5x5", "stride": "1x2x2"},
        {"depth": 2, "out": 24, "bottleneck": 40, "kernel": "3x3x3", "stride": "1x2x2"},
    ]
    clip = {"frames": 5, "size": 31, "channels": 3}
    arch = {"clip": clip, "stem": {"out": 8}, "stages": stages, "head": {"out": 32}}
    torch.manual_seed(0)
    return E3D(load_architecture(arch), 5).cuda(), torch.randn(4, 3, 5, 31, 31, device="cuda")


def test_a_network_has_the_same_output_and_gradients(kernels, monkeypatch):
    monkeypatch.setattr(torch.backends.cudnn, "allow_tf32", False)
    model, clips = network()
    plain = copy.deepcopy(model)
    y = model(clips)
    y.square().mean().backward()
    monkeypatch.setenv("E3DNAS_KERNELS", "0")
    expected = plain(clips)
    expected.square().mean().backward()
    torch.testing.assert_close(y, expected, rtol=1e-3, atol=1e-4)
    for one, other in zip(model.parameters(), plain.parameters(), strict=True):
        assert (one.grad - other.grad).norm() <= 1e-3 * other.grad.norm() + 1e-6


def test_a_network_compiles_whole_and_trains_in_bf16(kernels):
    model, clips = network()
    compiled = torch.compile(model, fullgraph=True)
    with torch.autocast("cuda", torch.bfloat16):
        loss = compiled(clips).float().square().mean()
    loss.backward()
    assert all(parameter.grad.isfinite().all() for parameter in model.parameters())
