"""A machine whose times are a formula, with the formula written again for whole networks, module by module."""

from contextlib import contextmanager
from functools import cache

from e3dnas.machine.meter import Passes
from e3dnas.models.network import E3D


def conv_ms(c_in, c_out, kernel_volume, outputs, *, wide):
    """Milliseconds of one convolution: bilinear in its widths for one kernel and map, as the predictor assumes."""
    macs = kernel_volume * outputs * (c_in if wide else 1) / 1e7
    return 0.01 + 2e-5 * c_out + (1e-5 * c_in if wide else 0.0) + c_out * macs


class MadeMachine:
    """Counts what it is asked; a unit takes what ``conv_ms`` says, a sum or pool 0.02 ms, a gate or classifier 0.03."""

    def __init__(self, setting=None, extra=1.0):
        self.setting, self.extra = setting, extra
        self.units, self.networks = [], []

    @contextmanager
    def ready(self):
        yield

    def unit(self, unit):
        self.units.append(unit)
        kind = unit.kind
        outputs = kind.frames * kind.size**2
        if kind.operation in ("conv", "depthwise"):
            volume = kind.kernel_t * kind.kernel_s**2
            ms = conv_ms(unit.c_in, unit.c_out, volume, outputs, wide=kind.operation == "conv")
        else:
            ms = 0.02 if kind.operation in ("sum", "pool") else 0.03
        return lambda: ms

    def network(self, architecture, *, thorough=False):
        self.networks.append(architecture)
        ms = self.extra * network_ms(architecture)
        return Passes((ms,), (1.0,), ms)


def network_ms(architecture):
    """The same machine's time of a whole network, from the modules and shapes of the network itself."""
    return _network_ms(architecture.model_copy(update={"name": ""}))


@cache
def _network_ms(architecture):
    import torch
    from torch import nn

    from e3dnas.models.head import ClassifierHead
    from e3dnas.models.layers import PooledShortcut, SqueezeExcitation, Sum

    total, inside = 0.0, set()

    def hook(module, inputs, output):
        nonlocal total
        if isinstance(module, nn.Conv3d):
            volume = module.kernel_size[0] * module.kernel_size[1] ** 2
            wide = module.groups == 1
            total += conv_ms(module.in_channels, module.out_channels, volume, output[0, 0].numel(), wide=wide)
        else:
            total += 0.02 if isinstance(module, Sum | PooledShortcut) else 0.03

    with torch.device("meta"), torch.no_grad():
        model = E3D(architecture).eval()
        for module in model.modules():
            if isinstance(module, SqueezeExcitation | ClassifierHead):
                inside |= set(module.modules()) - {module}
        for module in model.modules():
            kinds = nn.Conv3d | PooledShortcut | SqueezeExcitation | ClassifierHead | Sum
            if isinstance(module, kinds) and module not in inside:
                module.register_forward_hook(hook)
        clip = architecture.clip
        model(torch.empty(1, clip.channels, clip.frames, clip.size, clip.size))
    return total
