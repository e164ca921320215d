"""An exported file used as a network."""

from __future__ import annotations

from torch import Tensor, from_numpy, nn

from e3dnas.deploy import Deployed, load

__all__ = ["ExportedNetwork"]


class ExportedNetwork(nn.Module):
    """An exported file as a module: it runs on the device that its clips are on.

    Args:
        deployed: the file.
    """

    def __init__(self, deployed: Deployed) -> None:
        super().__init__()
        self.deployed = deployed

    def forward(self, clips_BCTHW: Tensor) -> Tensor:
        """Map prepared clips (B, C, T, H, W) to logits (B, N)."""
        device = clips_BCTHW.device
        if device.type != self.deployed.options.device:
            self.deployed = load(self.deployed.path, device=device.type)
        return from_numpy(self.deployed.predict(clips_BCTHW.float().cpu().numpy())).to(device)
