"""From a space to a model in Python: search, look, build, run.

python examples/search_and_build.py
"""

import timm
import torch

import e3dnas


def main(space: str = "e3d", trials: int = 300) -> None:
    """Search a space and send one clip through the best network."""
    result = e3dnas.search(space, trials=trials)
    best = result.best
    assert best is not None, "no network within the budgets"
    print(f"trial {best.trial} of {result.trials}: score {best.score:.4f}, {best.measures['flops']:,} operations")

    model = e3dnas.create_model(best.architecture, num_classes=174).eval()
    clip = best.architecture.clip
    x = torch.randn(2, clip.channels, clip.frames, clip.size, clip.size)
    with torch.no_grad():
        print("logits:", tuple(model(x).shape))

    published = timm.create_model("e3d_s", num_classes=174)  # the zoo's networks are timm models, too
    print(f"e3d_s: {sum(p.numel() for p in published.parameters()):,} parameters with its classifier")


if __name__ == "__main__":
    main()
