"""One contract, timm's, over every registered model and over networks with every kind of block.

The adapted tests of timm's own suite (tests/test_models.py) and more; clips are small, so that the large models fit.
"""

import copy
import math
import pickle
from functools import lru_cache

import pytest
import timm
import torch
from timm.optim import param_groups_layer_decay

import e3dnas
from e3dnas.arch import load_architecture

X3D_LIKE = {
    "clip": {"frames": 5, "size": 36},
    "stem": {"out": 8, "temporal_kernel": 5, "activation": "silu"},
    "stages": [
        {
            "depth": depth, "out": out, "bottleneck": 2 * out, "stride": "1x2x2", "se": 0.25, "se_every": 2,
            "shortcut": "projection", "inner_activation": "silu",
        }
        for depth, out in ((3, 8), (2, 12), (1, 16))
    ],
    "head": {"out": 20, "hidden": 24, "hidden_activation": "relu"},
}  # fmt: skip
DENSE = {
    "clip": {"frames": 6, "size": 32},
    "stem": {"out": 8, "kernel": "3x5x5", "stride": "2x2x2"},
    "stages": [
        {"block": "dense", "depth": 2, "out": 8, "bottleneck": 6, "stride": "2x2x2"},
        {"block": "dense", "depth": 2, "out": 16, "bottleneck": 8, "stride": "1x2x2", "activation": "silu"},
    ],
    "head": {"out": 20, "hidden": 0},
}
FACTORISED = {
    "clip": {"frames": 7, "size": 33, "channels": 2},
    "stem": {"out": 8},
    "stages": [
        {"block": "factorised", "depth": 2, "out": 8, "bottleneck": 12, "kernel": "1x3x3", "stride": "2x2x2"},
        {"block": "factorised", "depth": 2, "out": 12, "bottleneck": 12, "stride": "1x2x2", "shortcut": "projection"},
        {"block": "depthwise", "depth": 1, "out": 12, "bottleneck": 12, "se": 0.5},
    ],
    "head": {"out": 20, "hidden": 24},
}
SMALL = {"x3d_like": X3D_LIKE, "dense": DENSE, "factorised": FACTORISED}
CLIPS = {"e3d_s": (3, 3, 48), "e3d_m": (3, 3, 33), "e3d_l": (3, 2, 32), "x3d_xs": (3, 2, 32), "x3d_l": (3, 2, 32)}
OTHER_CLIPS = {"x3d_s": "x3d_xs", "x3d_m": "x3d_xs"}  # the same network, made for other clips
MODELS = [*CLIPS, *SMALL]


def build(name, **kwargs):
    torch.manual_seed(0)
    if name in SMALL:
        return e3dnas.create_model(SMALL[name], **{"num_classes": 7} | kwargs)
    return timm.create_model(name, **{"num_classes": 7} | kwargs)


@lru_cache
def shared(name):
    """One model a process for the tests that leave it as it is."""
    return build(name).eval()


def clips(name, batch=2, channels=None):
    if name in SMALL:
        clip = load_architecture(SMALL[name]).clip
        shape = clip.channels, clip.frames, clip.size
    else:
        shape = CLIPS[name]
    generator = torch.Generator().manual_seed(1)
    size = (batch, channels or shape[0], shape[1], shape[2], shape[2])
    return torch.randn(size, generator=generator)


every_model = pytest.mark.parametrize("name", MODELS)
light_model = pytest.mark.parametrize("name", [*SMALL, "e3d_s"])


def test_every_registered_model_is_held_to_the_contract():
    assert {"e3d", *CLIPS, *OTHER_CLIPS} == set(timm.list_models(["e3d*", "x3d*"]))
    for name, same in OTHER_CLIPS.items():
        clip = load_architecture(same).clip
        assert load_architecture(name, frames=clip.frames, size=clip.size).stages == load_architecture(same).stages
        assert len(build(name).state_dict()) == len(shared(same).state_dict())


@every_model
def test_forward_is_finite_and_of_the_announced_shape(name):
    model, x = shared(name), clips(name)
    with torch.no_grad():
        features = model.forward_features(x)
        logits = model(x)
        torch.testing.assert_close(model.forward_head(features), logits)
        assert model.forward_head(features, pre_logits=True).shape == (2, model.head_hidden_size)
    assert logits.shape == (2, 7)
    assert logits.isfinite().all()
    assert logits.std() > 0
    sizes = [x.shape[2], x.shape[3]]
    for stride in (model.arch.stem.stride, *(stage.stride for stage in model.arch.stages)):
        sizes = [math.ceil(size / s) for size, s in zip(sizes, stride, strict=True)]
    assert features.shape == (2, model.num_features, sizes[0], sizes[1], sizes[1])


@every_model
def test_every_parameter_gets_a_gradient(name):
    model = build(name)
    model(clips(name)).square().mean().backward()
    without = [key for key, p in model.named_parameters() if p.grad is None or not p.grad.isfinite().all()]
    assert without == []
    dead = [key for key, p in model.named_parameters() if not p.grad.any()]
    assert dead == []


@every_model
def test_default_cfg(name):
    model = shared(name)
    cfg, clip = model.default_cfg, model.arch.clip
    assert cfg is model.pretrained_cfg
    assert cfg["input_size"] == (clip.channels, clip.size, clip.size)
    assert (set(cfg["mean"]), set(cfg["std"])) == ({0.45}, {0.225})
    state = model.state_dict()
    assert state[cfg["first_conv"] + ".weight"].shape[1] == clip.channels
    assert state[cfg["classifier"] + ".weight"].shape[0] == 7
    data = timm.data.resolve_model_data_config(model)
    assert data["input_size"] == cfg["input_size"]
    if name in CLIPS:
        assert cfg["num_classes"] == timm.get_pretrained_cfg(name).num_classes == 400


@light_model
@pytest.mark.parametrize("feature_cls", ["list", "dict", "getter", "hook", "fx"])
def test_features_are_those_of_the_stages(name, feature_cls):
    model, x = shared(name), clips(name)
    taken = (0, len(model.stages) - 1)
    extractor = build(name, features_only=True, feature_cls=feature_cls, out_indices=taken).eval()
    assert extractor.arch.clip == model.arch.clip
    with torch.no_grad():
        found = extractor(x)
        _, expected = model.forward_intermediates(x, indices=list(taken))
    found = list(found.values()) if isinstance(found, dict) else found
    assert extractor.feature_info.channels() == [f.shape[1] for f in found]
    for feature, other, reduction in zip(found, expected, extractor.feature_info.reduction(), strict=True):
        torch.testing.assert_close(feature, other)
        assert feature.shape[-1] == math.ceil(x.shape[-1] / reduction)


@every_model
def test_all_features_by_default(name):
    with torch.device("meta"):
        extractor = build(name, features_only=True).eval()
    x = clips(name).to("meta")
    shapes = [feature.shape for feature in extractor(x)]
    info = shared(name).feature_info
    assert [shape[1] for shape in shapes] == [entry["num_chs"] for entry in info]
    assert [shape[2] for shape in shapes] == [math.ceil(x.shape[2] / entry["reduction_t"]) for entry in info]
    assert [shape[3] for shape in shapes] == [math.ceil(x.shape[3] / entry["reduction"]) for entry in info]


@light_model
def test_forward_intermediates(name):
    model, x = shared(name), clips(name)
    with torch.no_grad():
        final, all_of_them = model.forward_intermediates(x)
        torch.testing.assert_close(final, model.forward_features(x))
        assert len(all_of_them) == len(model.stages)
        only = model.forward_intermediates(x, indices=1, intermediates_only=True)
        torch.testing.assert_close(only, all_of_them[-1:])
        ran = []
        handle = model.stages[1].register_forward_hook(lambda *_: ran.append(1))
        first = model.forward_intermediates(x, indices=[0], stop_early=True, intermediates_only=True)
        assert ran == []
        torch.testing.assert_close(model.forward_intermediates(x, indices=[0])[1], first)
        assert ran == [1]
        handle.remove()
    with pytest.raises(ValueError, match="output_fmt: must be 'NCHW'"):
        model.forward_intermediates(x, output_fmt="NLC")


@light_model
def test_prune_intermediate_layers(name):
    x, model = clips(name), build(name).eval()
    with torch.no_grad():
        whole, expected = model.forward_intermediates(x)
        assert model.prune_intermediate_layers([0, 1]) == [0, 1]
        torch.testing.assert_close(
            model.forward_intermediates(x, indices=[0, 1], intermediates_only=True), expected[:2]
        )
        torch.testing.assert_close(model(x), expected[1] if len(expected) > 2 else whole)
        assert model(x).shape[1] == model.num_features == model.head_hidden_size
    model.reset_classifier(3, "avg")
    assert model(x).shape == (2, 3)


@light_model
def test_reset_classifier(name):
    model, x = build(name), clips(name)
    assert model.get_classifier().out_features == 7
    model.reset_classifier(0)
    assert isinstance(model.get_classifier(), torch.nn.Identity)
    assert model(x).shape == (2, model.head_hidden_size)
    model.reset_classifier(0, "")
    assert model(x).shape == model.forward_features(x).shape
    model.reset_classifier(4, "max")
    assert model(x).shape == (2, model.num_classes) == (2, 4)
    bare = build(name, num_classes=0, global_pool="")
    assert bare(x).shape == bare.forward_features(x).shape


@light_model
def test_checkpointing_changes_nothing(name):
    model, x = build(name, drop_path_rate=0.2, drop_rate=0.2), clips(name)
    twin = copy.deepcopy(model)
    twin.set_grad_checkpointing()
    for one in (model, twin):
        torch.manual_seed(3)
        one(x).square().mean().backward()
    for (key, p), q in zip(model.named_parameters(), twin.parameters(), strict=True):
        torch.testing.assert_close(p.grad, q.grad, msg=key)
    for (key, p), q in zip(model.named_buffers(), twin.buffers(), strict=True):
        assert torch.equal(p, q), key
    twin.set_grad_checkpointing(False)
    assert not any(stage.grad_checkpointing for stage in twin.stages)


@every_model
def test_state_dict_pickle_and_copy(name):
    model, x = shared(name), clips(name, batch=1)
    other = build(name, drop_path_rate=0.1).eval()
    for p in other.parameters():
        torch.nn.init.zeros_(p)
    assert other.load_state_dict(model.state_dict()).missing_keys == []
    with torch.no_grad():
        expected = model(x)
        for twin in (other, pickle.loads(pickle.dumps(model)), copy.deepcopy(model)):
            assert torch.equal(twin(x), expected)
            assert twin.arch == model.arch


@every_model
def test_group_matcher_orders_parameters_by_depth(name):
    model = shared(name)
    groups = param_groups_layer_decay(model, weight_decay=0.1, layer_decay=0.5)
    scale = {id(p): group["lr_scale"] for group in groups for p in group["params"]}
    assert len(scale) == len(list(model.parameters()))
    blocks = [block for stage in model.stages for block in stage.blocks]
    ordered = [model.stem.conv, *(block.conv1 for block in blocks), model.final.conv, model.head.fc]
    scales = [scale[id(module.weight)] for module in ordered]
    assert scales == [0.5 ** (len(ordered) - 1 - i) for i in range(len(ordered))]
    assert all(p.ndim > 1 for group in groups if group["weight_decay"] for p in group["params"])
    coarse = timm.models.group_parameters(model, model.group_matcher(coarse=True), reverse=True)
    assert max(coarse.values()) == len(model.stages) + 2
    assert model.no_weight_decay() == set()


@light_model
def test_traced_and_exported_graphs_compute_the_same(name):
    model, x = shared(name), clips(name)
    with torch.no_grad():
        expected = model(x)
        torch.testing.assert_close(torch.fx.symbolic_trace(model)(x), expected)
        exported = torch.export.export(model, (x,)).module()
        torch.testing.assert_close(exported(x), expected)


@light_model
def test_drop_path_and_dropout_only_in_training(name):
    model, x = build(name, drop_path_rate=0.5, drop_rate=0.5), clips(name)
    assert not torch.equal(model(x), model(x))
    model.eval()
    assert torch.equal(model(x), model(x))


@light_model
@pytest.mark.parametrize("channels", [1, 4])
def test_in_chans_with_pretrained_weights(name, channels, caplog):
    source, x = shared(name), clips(name)
    weights = {key: value.clone() for key, value in source.state_dict().items()}
    overlay = {"state_dict": weights, "num_classes": 7}
    model = build(name, pretrained=True, in_chans=channels, pretrained_cfg_overlay=overlay).eval()
    assert model.arch.clip.channels == model.in_chans == channels
    assert model.default_cfg["first_conv"] == "stem.conv"
    old = source.in_chans
    turns = [source.stem.conv.weight[:, i % old] for i in range(max(channels, old))]
    expected = sum(turns)[:, None] if channels == 1 else torch.stack(turns, 1) * old / channels
    torch.testing.assert_close(model.stem.conv.weight, expected)
    assert torch.equal(model.head.fc.weight, source.head.fc.weight)
    assert model(clips(name, channels=channels)).shape == source(x).shape
    assert "Unable to convert" not in caplog.text


@light_model
def test_autocast_and_channels_last(name):
    model = copy.deepcopy(shared(name)).to(memory_format=torch.channels_last_3d)
    x = clips(name).to(memory_format=torch.channels_last_3d)
    with torch.no_grad(), torch.autocast("cpu", torch.bfloat16):
        assert model(x).isfinite().all()
    with torch.no_grad():
        torch.testing.assert_close(model(x), shared(name)(x), rtol=1e-4, atol=1e-5)


def test_size_of_e3d_s_is_the_published_one():
    from e3dnas.models.profile import profile_model

    model = timm.create_model("e3d_s")
    measured = profile_model(model, model.arch.clip)
    assert (measured.flops, measured.params) == (1_980_409_600, 1_976_232)
    backbone = sum(p.numel() for part in (model.stem, model.stages, model.final) for p in part.parameters())
    assert backbone == 1_976_232
    assert sum(p.numel() for p in model.parameters()) == backbone + measured.head_params
