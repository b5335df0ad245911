import pytest


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_the_script_names_our_command(img2img, shell):
    outcome = img2img("completion", shell)
    assert outcome.code == 0
    assert "_IMG2IMG_COMPLETE" in outcome.out
    assert "img2img" in outcome.out


def test_an_unknown_shell_is_rejected(img2img):
    outcome = img2img("completion", "tcsh")
    assert (outcome.code, outcome.out) == (2, "")
    assert "bash" in outcome.err


@pytest.mark.parametrize(
    ("words", "offered"),
    [("img2img st", {"steps"}), ("img2img schema p", {"pipeline"}), ("img2img steps --js", {"--json"})],
)
def test_completions_requested_by_the_script_are_printed(img2img, monkeypatch, words, offered):
    monkeypatch.setenv("COMP_WORDS", words)
    monkeypatch.setenv("COMP_CWORD", str(words.count(" ")))
    monkeypatch.setenv("_IMG2IMG_COMPLETE", "bash_complete")
    answers = {line.partition(",")[2] for line in img2img().out.splitlines()}
    assert answers == offered
