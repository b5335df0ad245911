"""Networks whose features are compared, not their outputs. Graphs only: ``importing.feature_network`` gives weights."""

from img2imgkit.nn.features.vgg import VGG_BLOCKS, vgg

__all__ = ["VGG_BLOCKS", "vgg"]
