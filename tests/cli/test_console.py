import re
import sys

import pytest

from img2imgkit.cli import console


@pytest.fixture
def on_terminal(monkeypatch, capsys):
    """Print a table and a warning as if both streams were a terminal; pytest replaces the streams between fixtures
    and test, so this happens when the test calls it."""

    def show(rows, **environ):
        for stream in (sys.stdout, sys.stderr):
            monkeypatch.setattr(stream, "isatty", lambda: True, raising=False)
        monkeypatch.delenv("NO_COLOR", raising=False)
        for name, value in {"TERM": "xterm-256color", "COLUMNS": "60", **environ}.items():
            monkeypatch.setenv(name, value)
        console.show_table(("name", "about"), rows)
        console.warn("careful")
        return capsys.readouterr()

    return show


ROWS = [("a", "short"), ("bb", "[bold]no markup[/bold]")]


def test_without_a_terminal_columns_are_aligned_plain_text(capsys):
    console.show_table(("name", "about"), ROWS)
    assert capsys.readouterr().out == "NAME  ABOUT\na     short\nbb    [bold]no markup[/bold]\n"


def test_a_cell_never_breaks_its_line(capsys):
    console.show_table(("name", "about"), [("a", "two\nlines"), ("b", None), ("c", 7)])
    assert capsys.readouterr().out.splitlines()[1:] == ["a     two lines", "b", "c     7"]


def test_no_rows_leave_the_heading(capsys):
    console.show_table(("name", "about"), [])
    assert capsys.readouterr().out == "NAME  ABOUT\n"


def test_a_terminal_gets_a_table_of_its_width(on_terminal):
    shown = on_terminal([("a", "word " * 40)]).out
    lines = [re.sub("\x1b\\[[0-9;]*m", "", line) for line in shown.splitlines()]
    assert "\x1b[1m" in shown
    assert max(map(len, lines)) == 60


def test_markup_in_cells_is_text(on_terminal):
    assert "[bold]no markup[/bold]" in on_terminal(ROWS).out


def test_a_terminal_gets_coloured_warnings(on_terminal):
    assert on_terminal(ROWS).err == "\x1b[33mwarning\x1b[0m: careful\n"


def test_no_color_is_honoured(on_terminal):
    shown = on_terminal(ROWS, NO_COLOR="1")
    assert not re.search("\x1b\\[[0-9;]*3[0-9]m", shown.out)
    assert shown.err == "warning: careful\n"


def test_warnings_go_to_stderr(capsys):
    console.warn("careful")
    captured = capsys.readouterr()
    assert (captured.out, captured.err) == ("", "warning: careful\n")


@pytest.mark.parametrize("terminal", [True, False])
def test_cells_of_tables_are_escaped(capsys, monkeypatch, terminal):
    monkeypatch.setenv("COLUMNS", "200")
    monkeypatch.setattr(sys.stdout, "isatty", lambda: terminal, raising=False)
    console.show_table(["a\x1bb"], [["x\x1b[2J\x07"], ["\u202e\x9b"]])
    printed = capsys.readouterr().out
    assert r"x\x1b[2J\x07" in printed
    assert r"\u202e\x9b" in printed
    assert not set(re.sub(r"\x1b\[[01]m", "", printed)) & set("\x1b\x07\u202e\x9b")  # the headings are bold


def test_bars_are_escaped(capsys):
    with console.bar_of(["{task.fields[name]}"], name="start") as bar:
        bar.update(1, 2, name="x\x07\u202e")
        bar.say("[red]y\x1b]0;title\x07")
    with console.counted([1, 2], 2, "\x1b]0;title\x07") as rows:
        assert list(rows) == [1, 2]
    printed = capsys.readouterr().err
    assert r"[red]y\x1b]0;title\x07" in printed
    assert r"x\x07\u202e" in printed
    assert not set(printed) & set("\x1b\x07\u202e")
