"""Metrics of the field beside PSNR and SSIM: MS-SSIM, NIQE, LPIPS, DISTS, FID, KID and others.

Formulas are pure NumPy; the networks among them compute with Keras and take their weights from files.
"""

from __future__ import annotations

from pathlib import Path
from typing import Any

import img2imgkit as kit


@kit.hookimpl
def register_metrics(register: Any) -> None:
    from img2imgkit_plugins.quality_metrics.feature_metrics import FEATURE_METRICS
    from img2imgkit_plugins.quality_metrics.niqe import Niqe
    from img2imgkit_plugins.quality_metrics.perceptual import PERCEPTUAL_METRICS
    from img2imgkit_plugins.quality_metrics.set_statistics import Colourfulness, MsSsim, MsSsimY, SlicedWasserstein

    for metric in (MsSsim, MsSsimY, Niqe, Colourfulness, SlicedWasserstein, *PERCEPTUAL_METRICS, *FEATURE_METRICS):
        register(metric)


@kit.hookimpl
def register_model_index(register: Any) -> None:
    for entry in kit.read_index(Path(__file__).with_name("index.yaml")):
        register(entry)
