"""Registration with timm: ``e3d_s``, ``e3d_m``, ``e3d_l``, X3D, ``e3d`` (any architecture), what a user has registered.

``import e3dnas`` imports this module as soon as timm is there, so that ``timm.create_model`` knows these names. The
network is imported when one is built: it needs timm itself, and so may be what has imported timm.
"""

from __future__ import annotations

import json
import warnings
from collections.abc import Mapping
from dataclasses import asdict, replace
from functools import partial
from pathlib import Path
from typing import Any

from timm.models import build_model_with_cfg, generate_default_cfgs, is_model, register_model, resolve_pretrained_cfg
from timm.models._pretrained import PretrainedCfg
from torch import nn

from e3dnas.arch import Architecture, load_architecture
from e3dnas.errors import E3DNASError
from e3dnas.models.user_models import registered_models

__all__ = [
    "check_free", "default_cfg", "e3d", "e3d_l", "e3d_m", "e3d_s", "register_user_model", "x3d_l", "x3d_m", "x3d_s",
    "x3d_xs",
]  # fmt: skip

ZOO = ("e3d_s", "e3d_m", "e3d_l", "x3d_xs", "x3d_s", "x3d_m", "x3d_l")
X3D_PAPER = "arXiv:2004.04730"
FIRST_CONV = "stem.conv"
WEIGHT_FILES = (".safetensors", ".bin", ".pt", ".pth")


def default_cfg(architecture: Architecture) -> dict[str, Any]:
    """Return timm's configuration of an architecture: how to prepare frames, and the names of its ends.

    Frames have no place in it; they are in ``model.arch.clip``.
    """
    clip = architecture.clip
    return {
        "input_size": (clip.channels, clip.size, clip.size),
        "num_classes": 400,
        "mean": (0.45,) * clip.channels,
        "std": (0.225,) * clip.channels,
        "interpolation": "bilinear",
        "crop_pct": 1.0,
        "first_conv": FIRST_CONV,
        "classifier": "head.fc",
        "paper_ids": X3D_PAPER if architecture.name.startswith("x3d_") else "arXiv:2303.02693",
        "license": "apache-2.0",
    }


def _default_cfgs() -> dict[str, Any]:
    shipped = {name: PretrainedCfg(**default_cfg(load_architecture(name))) for name in ZOO}
    return dict(generate_default_cfgs({**shipped, "e3d": shipped["e3d_s"]}))


# timm reads this name when a model of this module is registered.
default_cfgs = _default_cfgs()


@register_model
def e3d_s(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """E3D-S (arXiv 2303.02693): made for clips of 13 x 160 x 160, 1.98 G operations as thop counts them."""
    return _zoo("e3d_s", pretrained, kwargs)


@register_model
def e3d_m(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """E3D-M (arXiv 2303.02693): made for clips of 16 x 224 x 224, 4.93 G operations as thop counts them."""
    return _zoo("e3d_m", pretrained, kwargs)


@register_model
def e3d_l(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """E3D-L (arXiv 2303.02693): made for clips of 16 x 312 x 312, 19.35 G operations as thop counts them."""
    return _zoo("e3d_l", pretrained, kwargs)


@register_model
def x3d_xs(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """X3D-XS (arXiv 2004.04730): made for clips of 4 x 160 x 160, 0.60 G multiply-accumulates."""
    return _zoo("x3d_xs", pretrained, kwargs)


@register_model
def x3d_s(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """X3D-S (arXiv 2004.04730): made for clips of 13 x 160 x 160, 1.96 G multiply-accumulates."""
    return _zoo("x3d_s", pretrained, kwargs)


@register_model
def x3d_m(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """X3D-M (arXiv 2004.04730): made for clips of 16 x 224 x 224, 4.73 G multiply-accumulates."""
    return _zoo("x3d_m", pretrained, kwargs)


@register_model
def x3d_l(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """X3D-L (arXiv 2004.04730): made for clips of 16 x 312 x 312, 18.37 G multiply-accumulates."""
    return _zoo("x3d_l", pretrained, kwargs)


@register_model
def e3d(pretrained: bool = False, **kwargs: Any) -> nn.Module:
    """Any architecture, given as ``arch``: plain data, a file, a folder, a zoo name or an ``Architecture``."""
    if "arch" not in kwargs:
        raise E3DNASError("e3d: needs an architecture; write timm.create_model('e3d', arch='architecture.yaml')")
    return _build("e3d", pretrained, kwargs.pop("arch"), kwargs)


def check_free(name: str) -> None:
    """Raise an E3DNASError if timm or the package has a model of this name; those of the user do not count."""
    if is_model(name) and name not in _user_models:
        raise E3DNASError(f"{name}: timm has a model of this name already; pick another")


def register_user_model(name: str, folder: Path) -> None:
    """Register the model of an exported folder with timm under ``name``; its weights, if any, are its pretrained ones.

    Raises:
        E3DNASError: the name is taken, or the folder holds no exported model.
    """
    check_free(name)
    architecture = load_architecture(folder)
    config = _read_config(folder / "config.json")
    cfg = _user_cfg(config, folder, architecture)
    arguments = {k: v for k, v in config.get("model_args", {}).items() if k != "arch"}
    entry = partial(_build, name, arch=architecture.to_dict(), defaults=arguments)
    default_cfgs.update(generate_default_cfgs({name: cfg}))
    with warnings.catch_warnings():
        warnings.filterwarnings("ignore", f"Overwriting {name} in registry")  # it was asked for
        register_model(_entrypoint(name, entry))
    __all__.remove(name)  # timm adds it, but no attribute of this module has that name
    _user_models.add(name)


_user_models: set[str] = set()


def _entrypoint(name: str, build: Any) -> Any:
    def entrypoint(pretrained: bool = False, **kwargs: Any) -> nn.Module:
        model: nn.Module = build(pretrained, kwargs=kwargs)
        return model

    entrypoint.__name__ = entrypoint.__qualname__ = name  # the name under which timm registers it
    return entrypoint


def _zoo(name: str, pretrained: bool, kwargs: dict[str, Any]) -> nn.Module:
    if "arch" in kwargs:
        raise E3DNASError(f"{name}: has its own architecture; write timm.create_model('e3d', arch=...) for another")
    return _build(name, pretrained, name, kwargs)


def _build(
    name: str, pretrained: bool, arch: Any, kwargs: dict[str, Any], defaults: Mapping[str, Any] | None = None
) -> nn.Module:
    """Build a model the way timm does, with the metadata of its architecture."""
    from e3dnas.models.convert import checkpoint_filter
    from e3dnas.models.network import E3D

    kwargs = {**(defaults or {}), **kwargs}
    architecture = load_architecture(arch)
    cfg = kwargs.pop("pretrained_cfg", None)
    overlay = dict(kwargs.pop("pretrained_cfg_overlay", None) or {})
    if not isinstance(cfg, dict | PretrainedCfg):  # what timm has on record for 'e3d' is not this architecture's
        overlay = {key: default_cfg(architecture)[key] for key in ("input_size", "mean", "std")} | overlay
    cfg = resolve_pretrained_cfg(name, cfg, overlay)
    if pretrained:
        _require_weights(name, cfg)
    kwargs.setdefault("in_chans", architecture.clip.channels)
    model: Any = build_model_with_cfg(
        E3D,
        name,
        pretrained,
        # timm adapts stems of images only; ours is adapted by the filter
        pretrained_cfg=asdict(replace(cfg, first_conv=None)),
        feature_cfg={"flatten_sequential": True, "out_indices": tuple(range(len(architecture.stages)))},
        pretrained_filter_fn=checkpoint_filter,
        arch=architecture,
        **kwargs,
    )
    _restore_first_conv(model, cfg.first_conv)
    if not isinstance(model, E3D):  # a feature extractor: the clip stands in the architecture there, too
        model.arch = architecture
    built: nn.Module = model
    return built


def _restore_first_conv(model: Any, first_conv: str | None) -> None:
    records: list[Any] = [model.pretrained_cfg, getattr(model, "_traits", None)]  # timm 1.0.20 has no _traits
    for record in records:
        if isinstance(record, dict):
            record["first_conv"] = first_conv


def _require_weights(name: str, cfg: PretrainedCfg) -> None:
    if cfg.source == "local-dir":
        folder = Path(str(cfg.file))
        found = any(entry.suffix in WEIGHT_FILES for entry in folder.iterdir())
    else:
        found = bool(cfg.has_weights or cfg.state_dict)
    if not found:
        raise E3DNASError(
            f"{name}: pretrained=True, but it has no weights; write pretrained=False, or name a file of weights with "
            "pretrained_cfg_overlay={'file': 'model.safetensors'}"
        )


def _read_config(file: Path) -> dict[str, Any]:
    try:
        config = json.loads(file.read_text(encoding="utf-8"))
    except (OSError, ValueError) as error:
        raise E3DNASError(f"{file}: cannot be read as JSON: {error}") from None
    if not isinstance(config, dict) or not isinstance(config.get("model_args"), dict):
        raise E3DNASError(f"{file}: no 'model_args' in it; give a folder written by 'e3dnas export'")
    return config


def _user_cfg(config: Mapping[str, Any], folder: Path, architecture: Architecture) -> PretrainedCfg:
    given = default_cfg(architecture) | dict(config.get("pretrained_cfg", {}))
    given["num_classes"] = config.get("num_classes", given["num_classes"])
    weights = folder / "model.safetensors"
    given["file"] = str(weights) if weights.is_file() else None
    try:
        return PretrainedCfg(**given)
    except TypeError as error:
        raise E3DNASError(f"{folder / 'config.json'}: pretrained_cfg: {error}") from None


def _register_all() -> None:
    """Register what the user has registered; a folder that cannot be used is left out, with a warning."""
    try:
        found = registered_models()
    except OSError as error:
        warnings.warn(f"registered models left out: {error}", RuntimeWarning, stacklevel=2)
        return
    for name, folder in found.items():
        _register_or_warn(name, folder)


def _register_or_warn(name: str, folder: Path) -> None:
    try:
        register_user_model(name, folder)
    except Exception as error:  # whatever is wrong with it, importing timm must go on
        warnings.warn(f"{folder}: registered model {name!r} left out: {error}", RuntimeWarning, stacklevel=2)


_register_all()
