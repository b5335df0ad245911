"""Names of well-known networks, told from the names of their arrays; for errors about networks without architecture.

Each name is that of the official code. The patterns are those of arrays that only this network has.
"""

from __future__ import annotations

import re

from img2imgkit.architectures import State

# In order: a network comes before those whose arrays it also has.
NETWORKS: tuple[tuple[str, str], ...] = (
    ("HAT", r"layers\.0\.residual_group\.blocks\.0\.conv_block\.cab\.0\.weight"),
    ("SRFormer", r"layers\.0\.residual_group\.blocks\.0\.mlp\.dwconv\.depthwise_conv\.0\.weight"),
    ("CRAFT", r"layers\.0\.residual_group\.hf_blocks\.0\..+"),
    ("ATD", r"layers\.0\.residual_group\.(?:td|layers\.0\.attn_atd\..+)"),
    ("Swin2SR", r"layers\.0\.residual_group\.blocks\.0\.attn\.(?:logit_scale|cpb_mlp\.0\.weight)"),
    ("SwinIR", r"layers\.0\.residual_group\.blocks\.0\.attn\.relative_position_bias_table"),
    ("DRCT", r"layers\.0\.(?:swin1\.attn\.relative_position_bias_table|adjust1\.weight)"),
    ("RGT", r"layers\.0\.blocks\.0\.gamma"),
    ("DAT", r"layers\.0\.blocks\.0\.attn\.attns\.0\.rpe_biases"),
    ("GRL", r"layers\.0\.blocks\.0\.attn\.window_attn\.attn_transform\..+"),
    ("SPANPlus", r"feats\.1\.block_1\.c1_r\.sk\.weight"),
    ("SPAN", r"block_1\.c1_r\.(?:sk|eval_conv)\.weight"),
    ("OmniSR", r"residual_layer\.0\.residual_layer\.0\.layer\.0\.fn\.0\.weight"),
    ("PLKSR", r"feats\.1\.(?:channe_mixer|channel_mixer|lk)\..+"),
    ("MoSR", r"gblocks\.1\.(?:fc1|conv\.dwconv_hw)\.weight"),
    ("SAFMN", r"feats\.0\.safm\..+"),
    ("RCAN", r"body\.0\.body\.0\.body\.3\.conv_du\.0\.weight"),
    ("EDSR", r"body\.0\.body\.0\.weight"),
    ("ESRGAN+", r"model\.1\.sub\.0\.RDB1\.conv1x1\.weight"),
    ("RDN", r"RDBs\.0\.convs\.0\.conv\.0\.weight"),
    ("Real-CUGAN or waifu2x's cunet", r"unet1\.conv1\.conv\.0\.weight"),
    ("NAFNet", r"encoders\.0\.0\.beta"),
    ("Restormer", r"encoder_level1\.0\.attn\.temperature"),
    ("Uformer", r"encoderlayer_0\.blocks\.0\..+"),
    ("MIRNet", r"recursive_residual_group\..+|RRG\.0\..+"),
    ("MPRNet", r"stage1_encoder\.encoder_level1\..+"),
    ("SCUNet", r"m_down1\.0\.trans_block\..+"),
    ("DRUNet", r"m_down1\.0\.res\.0\.weight"),
    ("FBCNN", r"qf_pred\.0\..+"),
    ("U-2-Net", r"stage1\.rebnconvin\.conv_s1\.weight"),
    ("BiRefNet", r"bb\.(?:norm0|patch_embed\.proj)\.weight"),
    ("MODNet", r"backbone\.model\.features\.0\.0\.weight"),
    ("LaMa", r"(?:.+\.)?ffc\.convl2l\.weight"),
    ("CodeFormer", r"ft_layers\.0\.self_attn\.in_proj_weight"),
    ("RestoreFormer", r"quantize\.embedding\.weight"),
    ("GFPGAN", r"stylegan_decoder\..+"),
    ("StyleGAN2", r"synthesis\.b4\.const|convs\.0\.conv\.modulation\.weight"),
    ("Depth Anything", r"depth_head\.projects\.0\.weight"),
    ("MiDaS or DPT", r"scratch\.layer1_rn\.weight"),
    ("DeOldify", r"layers\.0\.4\.0\.conv1\.weight"),
    ("Colorful Image Colorization", r"model8\.0\.weight"),
    ("Fast Neural Style", r"conv1\.conv2d\.weight"),
    ("RIFE", r"block0\.conv0\.0\.0\.weight"),
    ("BasicVSR", r"spynet\.basic_module\.0\..+"),
    ("Stable Diffusion", r"model\.diffusion_model\.input_blocks\.0\.0\.weight|down_blocks\.0\.resnets\.0\..+"),
)


def name_of(state: State) -> str:
    """The name of the network that a state dict looks like; "" if it is none of those known here."""
    return next((name for name, pattern in NETWORKS if any(map(re.compile(pattern).fullmatch, state))), "")
