"""The operator as PyTorch's machinery sees it: opcheck, autograd, autocast, compile, export, checkpointing."""

import pytest
import torch
import torch.nn.functional as F
from torch.utils.checkpoint import checkpoint
from torch.utils.flop_counter import FlopCounterMode

from e3dnas.errors import E3DNASError
from e3dnas.kernels import depthwise_conv3d, framewise_conv3d
from e3dnas.kernels.operator import backward_op, forward_op

# B, C, T, H, W, k_t, k, stride
SHAPES = [
    (2, 6, 3, 5, 7, 3, 3, 1), (2, 6, 3, 5, 7, 3, 3, 2), (1, 5, 2, 6, 5, 1, 5, 2), (2, 1, 4, 3, 3, 5, 1, 1),
    (2, 6, 4, 5, 3, 5, 1, 1), (1, 4, 3, 5, 4, 3, 1, 2), (1, 4, 1, 1, 1, 3, 3, 2), (1, 3, 2, 4, 4, 7, 3, 1),
]  # fmt: skip


def made(shape, dtype=torch.float32):
    """A random input and weight, and the function that PyTorch computes of them."""
    *sizes, kernel_t, kernel, stride = shape
    torch.manual_seed(0)
    x = torch.randn(sizes, dtype=dtype, requires_grad=True)
    weight = torch.randn((sizes[1], 1, kernel_t, kernel, kernel), dtype=dtype, requires_grad=True)
    padding = (kernel_t // 2, kernel // 2, kernel // 2)

    def reference(x, weight):
        return F.conv3d(x, weight, None, (1, stride, stride), padding, groups=sizes[1])

    return x, weight, stride, reference


def is_channels_last(x):
    return x.permute(0, 2, 3, 4, 1).is_contiguous()


def assert_same(x, weight, stride, reference, function):
    """Output and gradients of ``function`` are those of the reference in float64."""
    x64, weight64 = x.detach().double().requires_grad_(), weight.detach().double().requires_grad_()
    expected = reference(x64, weight64)
    dy = torch.randn_like(expected)
    expected_grads = torch.autograd.grad(expected, (x64, weight64), dy)
    y = function(x, weight)
    grads = torch.autograd.grad(y, (x, weight), dy.to(y.dtype))
    for found, wanted in zip((y, *grads), (expected, *expected_grads), strict=True):
        assert found.shape == wanted.shape
        assert (found.double() - wanted).norm() <= 1e-5 * wanted.norm()


@pytest.mark.parametrize("shape", SHAPES)
def test_output_and_gradients_are_those_of_float64(shape):
    x, weight, stride, reference = made(shape)
    assert_same(x, weight, stride, reference, lambda x, weight: forward_op(x, weight, stride))
    assert is_channels_last(forward_op(x, weight, stride))


@pytest.mark.parametrize(("need_x", "need_weight"), [(True, False), (False, True)])
def test_only_the_gradient_that_is_wanted_is_computed(need_x, need_weight):
    x, weight, stride, _ = made(SHAPES[0])
    dy = torch.randn_like(forward_op(x, weight, stride))
    dx, dweight = backward_op(dy, x, weight, stride, need_x, need_weight)
    assert (dx.numel() > 0, dweight.numel() > 0) == (need_x, need_weight)
    both = backward_op(dy, x, weight, stride, True, True)
    assert torch.equal(dx if need_x else dweight, both[0] if need_x else both[1])


@pytest.mark.filterwarnings("ignore:The .grad attribute of a Tensor that is not a leaf")  # opcheck's own reading
@pytest.mark.parametrize("shape", [SHAPES[1], SHAPES[3]])
def test_opcheck(shape):
    x, weight, stride, _ = made(shape)
    torch.library.opcheck(forward_op, (x, weight, stride))
    dy = torch.randn_like(forward_op(x, weight, stride)).detach()
    for flags in ((True, True), (True, False), (False, True)):
        torch.library.opcheck(backward_op, (dy, x.detach(), weight.detach(), stride, *flags))


@pytest.mark.parametrize("dtype", [torch.bfloat16, torch.float16])
def test_autocast_casts_to_the_type_in_force_and_gives_float32_gradients(dtype):
    x, weight, stride, _ = made(SHAPES[0])
    with torch.autocast("cpu", dtype):
        y = forward_op(x, weight, stride)
        mixed = forward_op(x.to(dtype), weight, stride)
        assert torch.is_autocast_enabled("cpu")
    assert y.dtype == mixed.dtype == dtype
    y.float().sum().backward()
    assert (x.grad.dtype, weight.grad.dtype) == (torch.float32, torch.float32)
    with torch.autocast("cpu", dtype):
        assert forward_op(x.double(), weight.double(), stride).dtype == torch.float64


def test_compiles_whole_with_equal_gradients():
    x, weight, stride, reference = made(SHAPES[1])
    torch._dynamo.reset()
    compiled = torch.compile(
        lambda x, weight: depthwise_conv3d(x, weight, stride=stride).relu(), fullgraph=True, backend="aot_eager"
    )
    assert_same(x, weight, stride, lambda x, weight: reference(x, weight).relu(), compiled)
    assert is_channels_last(compiled(x, weight))
    with torch.autocast("cpu", torch.bfloat16):
        assert compiled(x, weight).dtype == torch.bfloat16


def test_pytorch_counts_its_operations():
    x, weight, stride, _ = made(SHAPES[1])
    with FlopCounterMode(display=False) as counter:
        y = forward_op(x, weight, stride)
        forward = counter.get_total_flops()
        y.sum().backward()
    assert (forward, counter.get_total_flops()) == (2 * 27 * y.numel(), 3 * 2 * 27 * y.numel())


class Convolution(torch.nn.Module):
    def __init__(self, function):
        super().__init__()
        self.weight = torch.nn.Parameter(torch.randn(6, 1, 3, 3, 3))
        self.function = function

    def forward(self, x):
        return self.function(x, self.weight)


@pytest.mark.skipif(
    not hasattr(torch.compiler, "is_exporting"), reason="PyTorch 2.6 does not tell whether it is exporting"
)
def test_the_operator_can_be_exported_and_the_function_exports_plain_pytorch():
    x = torch.randn(2, 6, 3, 5, 7)
    for function, ours in ((lambda x, w: forward_op(x, w, 1), True), (depthwise_conv3d, False)):
        module = Convolution(function)
        program = torch.export.export(module, (x,))
        targets = {str(node.target) for node in program.graph.nodes if node.op == "call_function"}
        assert any("e3dnas" in target for target in targets) == ours
        torch.testing.assert_close(program.module()(x), module(x))


def test_checkpointing_gives_the_same_bits():
    x, weight, stride, _ = made(SHAPES[0])

    def run(x, weight):
        return depthwise_conv3d(x, weight, stride=stride).sigmoid()

    whole = torch.autograd.grad(run(x, weight).sum(), (x, weight))
    again = torch.autograd.grad(checkpoint(run, x, weight, use_reentrant=False).sum(), (x, weight))
    assert all(torch.equal(one, other) for one, other in zip(whole, again, strict=True))


def uses_operator(y):
    return "e3dnas" in type(y.grad_fn).__name__


def test_the_function_takes_the_operator_where_it_is_faster(monkeypatch):
    monkeypatch.delenv("E3DNAS_KERNELS", raising=False)
    x, weight, stride, _ = made(SHAPES[0])
    assert uses_operator(depthwise_conv3d(x, weight, stride=stride))
    assert not uses_operator(depthwise_conv3d(x.double(), weight.double(), stride=stride))
    with torch.no_grad():
        y = depthwise_conv3d(x, weight, stride=stride)
    torch.testing.assert_close(y, F.conv3d(x, weight, None, 1, 1, groups=6))
    assert is_channels_last(y)
    assert not is_channels_last(depthwise_conv3d(x.double(), weight.double(), stride=stride))
    assert depthwise_conv3d(x.to("meta"), weight.to("meta"), stride=2).shape == (2, 6, 3, 3, 4)
    bias = torch.randn(6)
    torch.testing.assert_close(depthwise_conv3d(x, weight, bias), F.conv3d(x, weight, bias, 1, 1, groups=6))
    monkeypatch.setenv("E3DNAS_KERNELS", "0")
    assert not uses_operator(depthwise_conv3d(x, weight, stride=stride))
    monkeypatch.setenv("E3DNAS_KERNELS", "yes")
    with pytest.raises(E3DNASError, match=r"E3DNAS_KERNELS: must be 0 .* or 1 .*, not 'yes'; unset it"):
        depthwise_conv3d(x, weight, stride=stride)


def test_what_is_compiled_for_inference_keeps_its_convolutions():
    x, weight, stride, _ = made(SHAPES[0])
    calls = []

    def backend(graph, example):
        calls.extend(str(node.target) for node in graph.graph.nodes if node.op == "call_function")
        return graph

    def both(x, weight):
        return depthwise_conv3d(framewise_conv3d(x, torch.ones(6, 6, 1, 1, 1)), weight, stride=stride)

    torch._dynamo.reset()
    with torch.no_grad():
        y = torch.compile(both, backend=backend, fullgraph=True)(x, weight)
        torch.testing.assert_close(y, both(x, weight))
    assert sum("conv3d" in call for call in calls) == 2
    assert not any("linear" in call or "e3dnas" in call for call in calls)


@pytest.mark.parametrize(("groups", "kernel", "stride"), [(1, 1, 1), (1, 3, 2), (3, 5, 1), (1, 1, 2)])
def test_convolutions_without_time_are_2d_and_the_same(groups, kernel, stride):
    torch.manual_seed(0)
    x, bias = torch.randn(2, 6, 3, 5, 7, requires_grad=True), torch.randn(9)
    weight = torch.randn(9, 6 // groups, 1, kernel, kernel, requires_grad=True)
    padding = (0, kernel // 2, kernel // 2)

    def reference(x, weight):
        return F.conv3d(x, weight, bias.to(x.dtype), (1, stride, stride), padding, groups=groups)

    assert_same(x, weight, stride, reference, lambda x, weight: framewise_conv3d(x, weight, bias, stride, groups))
    assert is_channels_last(framewise_conv3d(x, weight, bias, stride, groups))


@pytest.mark.parametrize(
    ("x", "weight", "stride", "message"),
    [
        ((2, 6, 5, 7), (6, 1, 3, 3), 1, r"takes an input \(B, C, T, H, W\)"),
        ((2, 6, 3, 5, 7), (6, 2, 3, 3, 3), 1, r"not \(2, 6, 3, 5, 7\) and \(6, 2, 3, 3, 3\)"),
        ((2, 6, 3, 5, 7), (6, 1, 3, 2, 2), 1, "odd k_t and k, not 3x2x2"),
        ((2, 6, 3, 5, 7), (6, 1, 3, 3, 3), 3, "stride must be 1 or 2, not 3"),
    ],
)
def test_sizes_that_do_not_fit_are_told(x, weight, stride, message):
    with pytest.raises(E3DNASError, match=message):
        forward_op(torch.zeros(x), torch.zeros(weight), stride)
