"""Feature extractors for perceptual losses. Graphs only: ``importing.feature_network`` loads the weights."""

from img2imgkit.nn.features.vgg import VGG_BLOCKS, vgg

__all__ = ["VGG_BLOCKS", "vgg"]
