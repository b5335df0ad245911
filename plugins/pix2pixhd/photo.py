"""pix2pixHD between pictures: the official code's training without labels."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

from img2imgkit_plugins.pix2pixhd.coarse_to_fine import WRITTEN, CoarseToFine
from img2imgkit_plugins.pix2pixhd.importing import of_pictures
from img2imgkit_plugins.pix2pixhd.options import PhotoOptions

import img2imgkit as kit
from img2imgkit import ops


class Pix2PixHdPhoto(CoarseToFine):
    """Translate large pictures, learnt from aligned pairs (Wang et al. 2018, https://arxiv.org/abs/1711.11585).

    Like ``pix2pixhd``, but from pictures instead of label maps: the official code's ``--label_nc 0 --no_instance``.
    """

    name = "pix2pixhd-photo"
    data = "paired"

    Options = PhotoOptions

    @classmethod
    def import_plan(cls, networks: Sequence[kit.ImportedNetwork]) -> kit.ImportPlan | None:
        """Import a generator with 1 or 3 input channels; options of critics are taken over."""
        return of_pictures(networks)

    @property
    def seen(self) -> int:
        return int(self.options.channels)

    def build(self) -> kit.Networks:
        return self.networks(self.seen)

    def geometry(self) -> kit.Geometry:
        chosen = self.options
        return chosen.generator.geometry(kit.NetworkSpec(chosen.channels, WRITTEN, norm=chosen.norm))

    def prepare(self, batch: Mapping[str, Any]) -> Mapping[str, Any]:
        return {**batch, "shown": batch["source"]}

    def read(self, nets: kit.Networks, batch: Mapping[str, Any]) -> Any:
        return batch["shown"]

    def translate(self, nets: kit.Networks, inputs: Mapping[str, Any]) -> Any:
        return self.generated(nets, ops.convert_to_tensor(inputs["source"]), training=False)
