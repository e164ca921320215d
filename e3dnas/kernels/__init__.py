"""A fast depthwise 3D convolution: Triton kernels on a GPU, PyTorch's fastest ways on a CPU, one operator for both.

PyTorch serves depthwise 3D convolutions with slow kernels, slowest in the backward pass (PyTorch issue 37406), and the
networks designed here are made of them. ``e3dnas.models`` uses ``depthwise_conv3d``, and ``framewise_conv3d`` for what
surrounds it; the environment variable ``E3DNAS_KERNELS`` turns all of it off (0), or the Triton kernels on without
timing them (1). Needs torch.
"""

from e3dnas.kernels.routing import depthwise_conv3d, framewise_conv3d

__all__ = ["depthwise_conv3d", "framewise_conv3d"]
