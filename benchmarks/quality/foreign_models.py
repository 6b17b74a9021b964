"""Image classifiers of transformers and timm, small and with random weights: what `foreign.py` scores."""

import importlib
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from typing import Any

import torch
from torch import nn

CLASSES = 5
SIDE = 64
"""Side of the images of timm's models, if they accept it."""
FAILURES = (ArithmeticError, AttributeError, ImportError, LookupError, OSError, RuntimeError, TypeError, ValueError)
"""Exceptions of third-party models that cannot be built or called."""

_VIT = {
    "image_size": 32,
    "patch_size": 8,
    "hidden_size": 16,
    "num_hidden_layers": 2,
    "num_attention_heads": 2,
    "intermediate_size": 32,
}
_FOUR = {"hidden_sizes": [8, 16, 24, 32], "depths": [1, 1, 2, 1]}
_SWIN = {"image_size": 32, "patch_size": 4, "embed_dim": 8, "depths": [1, 2], "num_heads": [1, 2], "window_size": 4}
_PERCEIVER = {
    "num_latents": 8,
    "d_latents": 32,
    "num_self_attends_per_block": 1,
    "num_self_attention_heads": 2,
    "num_cross_attention_heads": 1,
    "image_size": 32,
    "train_size": [32, 32],
}

TRANSFORMERS: dict[str, list[dict[str, Any]]] = {
    "BeitForImageClassification": [
        _VIT,
        _VIT | {"use_relative_position_bias": True, "layer_scale_init_value": 0.1},
        _VIT | {"use_shared_relative_position_bias": True, "use_absolute_position_embeddings": True},
        _VIT | {"use_mean_pooling": False},
    ],
    "BitForImageClassification": [
        {
            "hidden_sizes": [8, 16, 24, 32],
            "depths": [1, 1, 1, 1],
            "embedding_size": 8,
            "num_groups": 4,
            "layer_type": each,
        }
        for each in ("preactivation", "bottleneck")
    ],
    "CLIPForImageClassification": [{"vision_config": _VIT}],
    "ConvNextForImageClassification": [_FOUR, _FOUR | {"layer_scale_init_value": 0.0}],
    "ConvNextV2ForImageClassification": [_FOUR],
    "CvtForImageClassification": [{"embed_dim": [8, 16, 24], "depth": [1, 2, 3], "num_heads": [1, 2, 3]}],
    "Data2VecVisionForImageClassification": [_VIT, _VIT | {"use_relative_position_bias": True}],
    "DeiTForImageClassification": [_VIT, _VIT | {"qkv_bias": False}],
    "DeiTForImageClassificationWithTeacher": [_VIT],
    "DinatForImageClassification": [{}],
    "Dinov2ForImageClassification": [_VIT, _VIT | {"use_swiglu_ffn": True}],
    "Dinov2WithRegistersForImageClassification": [_VIT, _VIT | {"num_register_tokens": 2, "use_swiglu_ffn": True}],
    "DonutSwinForImageClassification": [_SWIN],
    "EfficientNetForImageClassification": [
        {"image_size": 64, "width_coefficient": 0.25, "depth_coefficient": 0.25, "hidden_dim": 320}
    ],
    "FocalNetForImageClassification": [
        {"image_size": 32, "embed_dim": 8, "depths": [1, 1], "focal_levels": [2, 2], "focal_windows": [3, 3]} | each
        for each in (
            {},
            {"use_conv_embed": True, "use_layerscale": True},
            {"use_post_layernorm": True, "use_post_layernorm_in_modulation": True},
            {"normalize_modulator": True},
        )
    ],
    "HGNetV2ForImageClassification": [{}],
    "HieraForImageClassification": [
        {"image_size": [64, 64], "embed_dim": 8, "depths": [1, 1, 2, 1], "num_heads": [1, 1, 1, 1]}
    ],
    "IJepaForImageClassification": [_VIT],
    "ImageGPTForImageClassification": [{"n_embd": 16, "n_layer": 2, "n_head": 2}],
    "LevitForImageClassification": [
        {"image_size": 64, "hidden_sizes": [16, 32, 48], "depths": [1, 1, 1], "num_attention_heads": [1, 2, 3]}
    ],
    "LevitForImageClassificationWithTeacher": [
        {"image_size": 64, "hidden_sizes": [16, 32, 48], "depths": [1, 1, 1], "num_attention_heads": [1, 2, 3]}
    ],
    "MetaClip2ForImageClassification": [{"vision_config": _VIT}],
    "MobileNetV1ForImageClassification": [{"image_size": 64, "depth_multiplier": 0.25}],
    "MobileNetV2ForImageClassification": [
        {"image_size": 64, "depth_multiplier": 0.35},
        {"image_size": 64, "depth_multiplier": 0.35, "finegrained_output": False, "output_stride": 16},
    ],
    "MobileViTForImageClassification": [
        {"image_size": 64, "hidden_sizes": [16, 24, 32], "neck_hidden_sizes": [8, 8, 16, 16, 16, 24, 32]}
    ],
    "MobileViTV2ForImageClassification": [{"image_size": 64, "width_multiplier": 0.25}],
    "PerceiverForImageClassificationLearned": [_PERCEIVER],
    "PerceiverForImageClassificationFourier": [_PERCEIVER | {"image_size": 224}],
    "PerceiverForImageClassificationConvProcessing": [_PERCEIVER | {"image_size": 224}],
    "PoolFormerForImageClassification": [_FOUR, _FOUR | {"use_layer_scale": False}],
    "PPLCNetForImageClassification": [{"scale": 0.25}],
    "PvtForImageClassification": [_FOUR | {"image_size": 64, "num_attention_heads": [1, 2, 3, 4]}],
    "PvtV2ForImageClassification": [
        _FOUR | {"image_size": 64, "num_attention_heads": [1, 2, 3, 4], "linear_attention": each}
        for each in (False, True)
    ],
    "RegNetForImageClassification": [
        _FOUR | {"embedding_size": 8, "groups_width": 8, "layer_type": each} for each in ("x", "y")
    ],
    "ResNetForImageClassification": [
        _FOUR | {"embedding_size": 8, "layer_type": each} for each in ("basic", "bottleneck")
    ],
    "SegformerForImageClassification": [
        _FOUR | {"num_attention_heads": [1, 2, 3, 4]},
        _FOUR | {"num_attention_heads": [1, 2, 3, 4], "reshape_last_stage": False},
    ],
    "ShieldGemma2ForImageClassification": [{}],
    "SiglipForImageClassification": [{"vision_config": _VIT}],
    "Siglip2ForImageClassification": [{"vision_config": _VIT}],
    "SwiftFormerForImageClassification": [{"image_size": 64, "embed_dims": [8, 16, 24, 32], "depths": [1, 1, 1, 1]}],
    "SwinForImageClassification": [_SWIN, _SWIN | {"use_absolute_embeddings": True}, _SWIN | {"window_size": 2}],
    "Swinv2ForImageClassification": [_SWIN, _SWIN | {"window_size": 2}],
    "TextNetForImageClassification": [{"image_size": [64, 64]}],
    "ViTForImageClassification": [_VIT, _VIT | {"qkv_bias": False}, _VIT | {"hidden_act": "relu"}],
    "ViTMSNForImageClassification": [_VIT],
}
"""Classes of transformers that classify images, and small configurations of each."""

NOT_OF_IMAGES_ALONE = {
    "ImageGPTForImageClassification": "reads the colours of pixels as a sequence of tokens",
    "ShieldGemma2ForImageClassification": "reads text beside images",
    "Siglip2ForImageClassification": "reads patches with a mask and their shapes",
    "DinatForImageClassification": "needs the package natten",
}
"""Classes that cannot be called with images alone, or lack a dependency here."""

_NAMES = """
    vit_tiny_patch16_224 deit_tiny_patch16_224 deit_tiny_distilled_patch16_224 beit_base_patch16_224
    cait_xxs24_224 vit_little_patch16_reg4_gap_256 flexivit_small xcit_nano_12_p16_224 crossvit_tiny_240
    convit_tiny twins_svt_small pit_ti_224 pit_ti_distilled_224 swin_tiny_patch4_window7_224
    swinv2_tiny_window8_256 coat_tiny gcvit_xxtiny tnt_s_patch16_224 volo_d1_224 visformer_tiny mixer_s32_224
    gmixer_12_224 resmlp_12_224 gmlp_ti16_224 sequencer2d_s levit_128s levit_conv_128s efficientformer_l1
    efficientformerv2_s0 eva02_tiny_patch14_224 maxvit_rmlp_pico_rw_256 maxvit_pico_rw_256 coatnet_pico_rw_224
    coatnet_nano_cc_224 vit_relpos_small_patch16_224 nest_tiny hiera_tiny_224 davit_tiny mvitv2_tiny pvt_v2_b0
    tiny_vit_5m_224 edgenext_xx_small fastvit_t8 mobilevit_xxs mobilevitv2_050 repvit_m0_9 efficientvit_b0
    efficientvit_m0 poolformer_s12 poolformerv2_s12 caformer_s18 convformer_s18 convnext_atto convnextv2_atto
    convmixer_768_32 resnet18 resnet26t resnext26ts seresnext26ts res2net50_14w_8s resnest14d regnetx_002
    regnety_002 regnetz_005 mobilenetv2_035 mobilenetv3_small_050 mobilenetv4_conv_small efficientnet_lite0
    tinynet_e ghostnet_050 lcnet_035 mnasnet_small fbnetc_100 hardcorenas_a mixnet_s densenet121 dla34 vgg11_bn
    darknet17 cspresnet50 repvgg_a0 mobileone_s0 hrnet_w18_small ese_vovnet19b_dw inception_next_atto xception41
    nfnet_f0 eca_nfnet_l0 resnetv2_50 resnetv2_50x1_bit rexnet_100 selecsls42 hgnetv2_b0 starnet_s1
    focalnet_tiny_srf inception_v3 skresnet18 botnet26t_256 halonet26t lambda_resnet26t
"""
TIMM = _NAMES.split()
"""Names of timm."""


@dataclass(frozen=True)
class Candidate:
    """A model to score.

    Args:
        library: transformers or timm.
        name: Name of the class, or of timm's model.
        variant: Difference from other candidates of the same name.
        build: Makes the model, with the shape of its images.
    """

    library: str
    name: str
    variant: str
    build: Callable[[], tuple[nn.Module, tuple[int, int, int]]]


def candidates(library: str) -> Iterator[Candidate]:
    """All models of a library."""
    if library == "timm":
        for name in TIMM:
            yield Candidate(library, name, "", lambda name=name: _of_timm(name))
        return
    for name, variants in TRANSFORMERS.items():
        for index, options in enumerate(variants):
            yield Candidate(library, name, str(index), lambda n=name, o=options: _of_transformers(n, o))


def _of_transformers(name: str, options: dict[str, Any]) -> tuple[nn.Module, tuple[int, int, int]]:
    transformers = importlib.import_module("transformers")
    made = getattr(transformers, name)
    config = made.config_class(**options, num_labels=CLASSES)
    size = options.get("image_size", options.get("vision_config", {}).get("image_size", 64))
    side = size[0] if isinstance(size, list) else size
    return made(config), (3, side, side)


def _of_timm(name: str) -> tuple[nn.Module, tuple[int, int, int]]:
    """The smallest variant that can be built and called."""
    timm = importlib.import_module("timm")
    for options in ({"img_size": SIDE, "depth": 2}, {"img_size": SIDE}, {}):
        try:
            model = timm.create_model(name, pretrained=False, num_classes=CLASSES, **options)
            with torch.no_grad():
                model.eval()(torch.zeros(1, 3, SIDE, SIDE))
        except FAILURES:
            continue
        return model, (3, SIDE, SIDE)
    model = timm.create_model(name, pretrained=False, num_classes=CLASSES)
    return model, model.pretrained_cfg["input_size"]


def declare_operators() -> None:
    """Makes torchvision, which timm imports, importable if its operators were compiled for another torch.

    torchvision registers fake implementations of its operators, which fails if they were not loaded. The two of
    them are declared here; no image classifier calls them.
    """
    for name in ("nms", "qnms"):
        if not hasattr(torch.ops.torchvision, name):
            torch.library.define(f"torchvision::{name}", "(Tensor dets, Tensor scores, float iou_threshold) -> Tensor")
