"""The sizes of one depthwise 3D convolution, and whether the kernels of this room serve it. Needs nothing but Python.

"Same" padding, as ``e3dnas.models.layers.conv3d`` has it: (k - 1) // 2 on every side, so an output has the size of its
input, divided by the stride and rounded up. The temporal stride is 1.
"""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

from e3dnas.errors import E3DNASError

__all__ = ["Geometry"]


@dataclass(frozen=True)
class Geometry:
    """Sizes of a convolution: clips, channels, frames, pixels in height and width, kernel k_t x k x k, spatial stride.

    It is hashable: what was found out about one convolution holds for all of the same sizes.
    """

    clips: int
    channels: int
    frames: int
    height: int
    width: int
    kernel_t: int
    kernel: int
    stride: int

    @classmethod
    def of(cls, x_shape: Sequence[int], weight_shape: Sequence[int], stride: int) -> Geometry:
        """Return the geometry of an input (B, C, T, H, W) and a weight (C, 1, k_t, k, k).

        Raises:
            E3DNASError: they do not belong together, a side of the kernel is even, or the stride is not 1 or 2.
        """
        if len(x_shape) != 5 or len(weight_shape) != 5 or tuple(weight_shape[:2]) != (x_shape[1], 1):
            raise E3DNASError(
                f"depthwise_conv3d: takes an input (B, C, T, H, W) and a weight (C, 1, k_t, k, k), not "
                f"{tuple(x_shape)} and {tuple(weight_shape)}"
            )
        kernel_t, kernel, across = weight_shape[2:]
        if kernel_t % 2 == 0 or kernel % 2 == 0 or kernel != across:
            raise E3DNASError(
                f"depthwise_conv3d: the kernel must be k_t x k x k with odd k_t and k, not {kernel_t}x{kernel}x{across}"
            )
        if stride not in (1, 2):
            raise E3DNASError(f"depthwise_conv3d: the spatial stride must be 1 or 2, not {stride!r}")
        clips, channels, frames, height, width = x_shape
        return cls(clips, channels, frames, height, width, kernel_t, kernel, stride)

    @property
    def height_out(self) -> int:
        """Rows of the output."""
        return -(-self.height // self.stride)

    @property
    def width_out(self) -> int:
        """Columns of the output."""
        return -(-self.width // self.stride)

    @property
    def taps(self) -> int:
        """Weights of one channel."""
        return self.kernel_t * self.kernel**2

    @property
    def x_shape(self) -> tuple[int, int, int, int, int]:
        """(B, C, T, H, W) of the input."""
        return self.clips, self.channels, self.frames, self.height, self.width

    @property
    def y_shape(self) -> tuple[int, int, int, int, int]:
        """(B, C, T, H, W) of the output."""
        return self.clips, self.channels, self.frames, self.height_out, self.width_out

    @property
    def strides(self) -> tuple[int, int, int]:
        """Strides over frames, rows and columns, as PyTorch takes them."""
        return 1, self.stride, self.stride

    @property
    def padding(self) -> tuple[int, int, int]:
        """Padding of frames, rows and columns on either side, as PyTorch takes it."""
        return self.kernel_t // 2, self.kernel // 2, self.kernel // 2

    @property
    def is_long(self) -> bool:
        """Whether an offset into the input or the output needs more than 32 bits."""
        # The kernels add an offset of less than one clip's padding to it.
        margin = self.channels * (self.kernel_t + 2) * (self.height + self.kernel) * (self.width + self.kernel + 16)
        return self.clips * self.channels * self.frames * self.height * self.width + margin >= 2**31
