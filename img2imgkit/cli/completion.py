"""``img2img completion``: a shell's completion script."""

from __future__ import annotations

import click
from click.shell_completion import get_completion_class

from img2imgkit.cli import group, say


@click.command()
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
def command(shell: str) -> None:
    """Print a shell's completion script.

    \b
    bash:  img2img completion bash > ~/.local/share/bash-completion/completions/img2img
    zsh:   img2img completion zsh > "${fpath[1]}/_img2img"
    fish:  img2img completion fish > ~/.config/fish/completions/img2img.fish
    """
    completion = get_completion_class(shell)
    assert completion is not None  # click knows all three
    say(completion(group, {}, "img2img", "_IMG2IMG_COMPLETE").source())
