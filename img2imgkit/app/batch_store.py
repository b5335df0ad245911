"""The order and the pipelines of batches, in a small database in the user's data folder.

What is done is not recorded here: the ledgers of the output folders know.
"""

from __future__ import annotations

import os
import secrets
import sqlite3
import threading
import time
from collections.abc import Sequence
from dataclasses import astuple, dataclass, replace
from pathlib import Path
from typing import Literal

from img2imgkit.errors import RequestError

Wanted = Literal["run", "pause", "cancel", "end"]
_SCHEMA = """
    CREATE TABLE IF NOT EXISTS batches (
        id TEXT PRIMARY KEY, position INTEGER NOT NULL, name TEXT NOT NULL, model TEXT NOT NULL, pipeline TEXT NOT NULL,
        source TEXT NOT NULL, output TEXT NOT NULL, inbox TEXT NOT NULL, wanted TEXT NOT NULL, created REAL NOT NULL
    );
"""
_COLUMNS = "id, name, model, pipeline, source, output, inbox, wanted, created"


@dataclass(frozen=True)
class Batch:
    """One batch, as the database holds it.

    Attributes:
        pipeline: its YAML
        inbox: the folder of uploads that it reads; "" if it reads none
        wanted: what is to happen with it: "end" once it has nothing left to do
    """

    id: str
    name: str
    model: str
    pipeline: str
    source: str
    output: str
    inbox: str = ""
    wanted: Wanted = "run"
    created: float = 0.0


class BatchStore:
    """The database. Thread-safe.

    Args:
        folder: contains it, and the pipeline of each batch as a file
    """

    def __init__(self, folder: Path) -> None:
        self._folder = folder / "pipelines"
        self._folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = folder / "batches.sqlite"
        os.close(os.open(path, os.O_RDWR | os.O_CREAT, 0o600))
        self._lock = threading.Lock()
        self._database = sqlite3.connect(path, check_same_thread=False, isolation_level=None)
        self._database.executescript(_SCHEMA)

    def add(self, batch: Batch) -> Batch:
        """Put a batch at the end of the queue; its id and time are new."""
        made = replace(batch, id=secrets.token_hex(8), created=time.time())
        self.pipeline_file(made.id).write_text(made.pipeline, encoding="utf-8")
        with self._lock:
            self._database.execute(
                f"INSERT INTO batches (position, {_COLUMNS}) "
                f"SELECT IFNULL(MAX(position), 0) + 1, {_marks(9)} FROM batches",
                astuple(made),
            )
        return made

    def all(self) -> Sequence[Batch]:
        """Every batch, in order."""
        with self._lock:
            rows = self._database.execute(f"SELECT {_COLUMNS} FROM batches ORDER BY position").fetchall()
        return [Batch(*row) for row in rows]

    def find(self, id: str) -> Batch | None:
        """The batch of that id, if there is one."""
        with self._lock:
            row = self._database.execute(f"SELECT {_COLUMNS} FROM batches WHERE id = ?", (id,)).fetchone()
        return None if row is None else Batch(*row)

    def get(self, id: str) -> Batch:
        """The batch of that id. Raises RequestError: there is none."""
        batch = self.find(id)
        if batch is None:
            raise RequestError("there is no such batch", 404)
        return batch

    def want(self, id: str, wanted: Wanted) -> None:
        """Record what is to happen with a batch."""
        with self._lock:
            self._database.execute("UPDATE batches SET wanted = ? WHERE id = ?", (wanted, id))

    def move_first(self, id: str) -> None:
        """Put a batch at the start of the queue."""
        with self._lock:
            self._database.execute(
                "UPDATE batches SET position = (SELECT MIN(position) - 1 FROM batches) WHERE id = ?", (id,)
            )

    def remove(self, id: str) -> None:
        """Forget a batch. What it made stays."""
        with self._lock:
            self._database.execute("DELETE FROM batches WHERE id = ?", (id,))
        self.pipeline_file(id).unlink(missing_ok=True)

    def pause_all(self) -> None:
        """Pause what was to run: after a start nothing runs before the user says so."""
        with self._lock:
            self._database.execute("UPDATE batches SET wanted = 'pause' WHERE wanted = 'run'")

    def pipeline_file(self, id: str) -> Path:
        """The file that a run of the batch reads."""
        return self._folder / f"{id}.yaml"

    def close(self) -> None:
        """Close the database."""
        self._database.close()


def _marks(count: int) -> str:
    return ", ".join("?" * count)
