"""Watercolour components for img2imgkit: an architecture, a data kind, a loss, an augmentation, a metric, a task, a step."""
