"""Everything that one server holds: folders, uploads, batches, try-outs, models; and who waits for changes."""

from __future__ import annotations

import threading
from collections.abc import Iterable
from contextlib import ExitStack
from itertools import count
from pathlib import Path

from img2imgkit.app.batch_queue import BatchQueue
from img2imgkit.app.batch_store import BatchStore
from img2imgkit.app.inbox import QUOTA, RESERVE, Inbox
from img2imgkit.app.model_cards import ModelCards
from img2imgkit.app.roots import Roots
from img2imgkit.app.thumbnails import Thumbnails
from img2imgkit.app.try_outs import IDLE, TryOuts
from img2imgkit.locks import locked
from img2imgkit.places import Places

FOLDER = "app"


class Desk:
    """A context manager: it holds the user's data folder of the page, alone.

    Args:
        folders: what the user opened
        idle: seconds after which the process of the try-outs ends
        quota: bytes of all uploads together
        reserve: bytes of the disk that uploads leave free

    Attributes:
        version: counts changes; waiters compare it
        ending: set once the server ends

    Raises:
        LockError: another server uses the folder.
        RequestError: a folder does not exist.
    """

    def __init__(
        self, folders: Iterable[Path], places: Places, idle: float = IDLE, quota: int = QUOTA, reserve: int = RESERVE
    ) -> None:
        self.folder = folder_of(places)
        self.folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        self.version, self.ending = 0, threading.Event()
        self._versions = count(1)
        with ExitStack() as stack:
            stack.enter_context(locked(self.folder / "lock", "another img2img app"))
            self.inbox = Inbox(self.folder / "inbox", quota, reserve)
            self.roots = Roots(folders, self.inbox.folder)
            self.thumbnails = Thumbnails(places.cache / FOLDER / "thumbnails")
            self.thumbnails.prune()
            self.models = ModelCards(self.changed)
            stack.callback(self.models.close)
            self.try_outs = TryOuts(idle)
            stack.callback(self.try_outs.close)
            self.store = BatchStore(self.folder)
            self.inbox.keep_only({batch.inbox for batch in self.store.all()})
            self.batches = BatchQueue(self.store, self.changed)
            stack.callback(self.batches.close)
            self._stack = stack.pop_all()

    def __enter__(self) -> Desk:
        return self

    def __exit__(self, *raised: object) -> None:
        self.ending.set()
        self._stack.close()

    def changed(self) -> None:
        """Tell who waits that something has changed."""
        self.version = next(self._versions)  # any thread may call this


def folder_of(places: Places) -> Path:
    """The data folder of the page, whether or not it exists."""
    return places.data / FOLDER
