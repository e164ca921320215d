"""The whole road: search, export, rebuild with timm, forward, one step of training."""

import timm
import torch

import e3dnas
from e3dnas.models import export_folder
from e3dnas.search.record import search_record


def test_from_space_to_a_trained_step(tmp_path):
    result = e3dnas.search("tiny", out=tmp_path / "run", trials=15, seed=1)
    folder = export_folder(result.best.architecture, tmp_path / "net", "net", record=search_record(result, result.best))
    clip = result.best.architecture.clip
    torch.manual_seed(0)
    model = timm.create_model(f"local-dir:{folder}", num_classes=5)
    backbone = sum(p.numel() for name, p in model.named_parameters() if "head.fc" not in name)
    assert backbone == result.best.measures["params"]
    x, labels = torch.rand(2, 3, clip.frames, clip.size, clip.size), torch.tensor([1, 4])
    assert model(x).shape == (2, 5)
    optimizer = torch.optim.SGD(model.parameters(), lr=0.01)
    before = {name: value.clone() for name, value in model.named_parameters()}
    losses = []
    for _ in range(2):
        loss = torch.nn.functional.cross_entropy(model(x), labels)
        optimizer.zero_grad()
        loss.backward()
        optimizer.step()
        losses.append(loss.item())
    assert losses[1] < losses[0]
    assert all(value.grad is not None and value.grad.isfinite().all() for value in model.parameters())
    changed = {name for name, value in model.named_parameters() if not torch.equal(value, before[name])}
    assert {"stem.conv.weight", "final.conv.weight", "head.fc.weight"} <= changed
