"""``python -m img2imgkit.cli``: the same as ``img2img``."""

from img2imgkit.cli import main

main()
