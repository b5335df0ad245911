"""Plugins that come with img2imgkit. They enter through the same entry points as anybody's."""
