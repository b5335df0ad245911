"""Well-known networks are called by their names, told from a few names of their arrays."""

from __future__ import annotations

import numpy as np
import pytest

from img2imgkit.importing.known_networks import NETWORKS, name_of

KEYS = {
    "SwinIR": "layers.0.residual_group.blocks.0.attn.relative_position_bias_table",
    "HAT": "layers.0.residual_group.blocks.0.conv_block.cab.0.weight",
    "DAT": "layers.0.blocks.0.attn.attns.0.rpe_biases",
    "RGT": "layers.0.blocks.0.gamma",
    "SPAN": "block_1.c1_r.sk.weight",
    "OmniSR": "residual_layer.0.residual_layer.0.layer.0.fn.0.weight",
    "PLKSR": "feats.1.lk.conv.weight",
    "NAFNet": "encoders.0.0.beta",
    "SRFormer": "layers.0.residual_group.blocks.0.mlp.dwconv.depthwise_conv.0.weight",
    "ATD": "layers.0.residual_group.layers.0.attn_atd.scale",
    "DRCT": "layers.0.swin1.attn.relative_position_bias_table",
    "MoSR": "gblocks.1.fc1.weight",
    "RCAN": "body.0.body.0.body.3.conv_du.0.weight",
    "EDSR": "body.0.body.0.weight",
    "CRAFT": "layers.0.residual_group.hf_blocks.0.attn.temperature",
    "GRL": "layers.0.blocks.0.attn.window_attn.attn_transform.logit_scale",
    "SCUNet": "m_down1.0.trans_block.ln1.weight",
    "Restormer": "encoder_level1.0.attn.temperature",
    "U-2-Net": "stage1.rebnconvin.conv_s1.weight",
    "LaMa": "generator.model.1.ffc.convl2l.weight",
    "CodeFormer": "ft_layers.0.self_attn.in_proj_weight",
    "GFPGAN": "stylegan_decoder.style_mlp.1.weight",
}
ALSO = {  # arrays that a network shares with one that is named before it
    "HAT": KEYS["SwinIR"],
    "SRFormer": KEYS["SwinIR"],
    "CRAFT": "conv_first.weight",
    "RCAN": "body.0.body.0.body.0.weight",
    "CodeFormer": "quantize.embedding.weight",
    "RGT": KEYS["DAT"],
}


@pytest.mark.parametrize("name", KEYS)
def test_it_is_named(name: str) -> None:
    state = {key: np.zeros(1) for key in ("first.weight", ALSO.get(name, "last.weight"), KEYS[name])}
    assert name_of(state) == name


def test_others_have_no_name() -> None:
    assert name_of({"strange.weight": np.zeros(1)}) == ""
    assert name_of({}) == ""


def test_names_are_unique() -> None:
    assert len({name for name, _ in NETWORKS}) == len(NETWORKS)
