"""The notebooks run from the first cell to the last, headless, and show what they promise."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from architecture import ROOT

NOTEBOOKS = sorted((ROOT / "docs" / "notebooks").glob("*.ipynb"))


def executed(path: Path, folder: Path) -> Any:
    import nbformat
    from nbclient import NotebookClient

    book = nbformat.read(path, as_version=4)
    return NotebookClient(book, timeout=300, resources={"metadata": {"path": str(folder)}}).execute()


def outputs(book: Any, source: str) -> list[Any]:
    """The outputs of the cell that contains a text."""
    [cell] = [cell for cell in book.cells if cell.cell_type == "code" and source in cell.source]
    return list(cell.outputs)


def test_they_are_kept_without_outputs() -> None:
    import nbformat

    assert NOTEBOOKS
    for path in NOTEBOOKS:
        book = nbformat.read(path, as_version=4)
        nbformat.validate(book)
        assert [cell for cell in book.cells if cell.get("outputs") or cell.get("execution_count")] == []


@pytest.mark.slow
def test_the_first_steps(tmp_path: Path) -> None:
    book = executed(ROOT / "docs" / "notebooks" / "first-steps.ipynb", tmp_path)
    [picture] = outputs(book, "model(kit.Picture(picture))")
    assert "image/png" in picture.data
    shown, reason = outputs(book, "display = kit.Display()")
    assert shown.output_type == "display_data"
    assert "value='50' max='50'" in shown.data["text/html"]
    assert reason.data["text/plain"] == "'complete'"
    [curves] = [each.data["text/html"] for cell in book.cells if cell.source == "display" for each in cell.outputs]
    assert curves.count("<svg") >= 3
    assert "data:image/png;base64," in curves
    [scores] = outputs(book, "kit.evaluate(")
    assert "<th>PSNR(Y)</th>" in scores.data["text/html"]
    assert (tmp_path / "runs" / "first" / "bundle" / "bundle.json").is_file()
