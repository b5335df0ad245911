"""Watercolour components for img2imgkit, one module each."""
