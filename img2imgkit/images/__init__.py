"""Pictures: decode, convert and encode, with everything the file says beside its pixels."""

from img2imgkit.images.levels import to_levels, to_unit
from img2imgkit.images.picture import Metadata, Picture

__all__ = ["Metadata", "Picture", "to_levels", "to_unit"]
