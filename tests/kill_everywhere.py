"""Kill a run at its first file operation, its second, and so on; resume each and compare the trees.

Usage: ``python kill_everywhere.py FOLDER``. A program rather than a test, because it forks, which is unsafe in a
process with threads.
"""

from __future__ import annotations

import os
import shutil
import signal
import sys
from pathlib import Path

from pictures import save_pictures, tree
from pipelines_for_tests import pipeline_file, plan_of, run_plan

from img2imgkit.pipeline import make_report, write_report

OPERATIONS = {"open", "os.rename", "os.mkdir", "os.remove", "os.rmdir", "os.truncate", "synced"}


def run_in_child(file: Path, out: str, kill_at: int) -> int:
    """Return the exit status of a run that is killed at its ``kill_at``-th operation inside ``out``; 0: not killed."""
    child = os.fork()
    if child == 0:
        count_operations(out, kill_at)
        plan = plan_of(file)
        result = run_plan(plan, threads=1)
        write_report(make_report(plan, result, 0.0), plan)
        os._exit(result.count("failed"))
    return os.waitstatus_to_exitcode(os.waitpid(child, 0)[1])


def count_operations(out: str, kill_at: int) -> None:
    left, sync = kill_at, os.fsync

    def hook(event: str, arguments: tuple[object, ...]) -> None:
        nonlocal left
        if event in OPERATIONS and (event == "synced" or is_inside(out, arguments)):
            left -= 1
            if left == 0:
                os.kill(os.getpid(), signal.SIGKILL)

    def synced(handle: int) -> None:
        sys.audit("synced")
        sync(handle)
        sys.audit("synced")

    os.fsync = synced
    sys.addaudithook(hook)


def is_inside(out: str, arguments: tuple[object, ...]) -> bool:
    """Whether an operation is on a path in ``out``, or on a name in a folder that is open, as only ``out`` is."""
    if any(out in str(argument) for argument in arguments):
        return True
    return isinstance(arguments[0], str) and not Path(arguments[0]).is_absolute()


def main(folder: Path) -> None:
    """Print the number of operations at which a run was killed. Fails with an assertion if something is lost."""
    save_pictures(folder / "in", "a.png", "deep/b.png")
    assert run_in_child(pipeline_file(folder, write={"folder": "whole"}), "whole", 0) == 0
    file, killed, expected = (
        pipeline_file(folder, write={"folder": "killed"}),
        folder / "killed",
        tree(folder / "whole"),
    )
    operation = 1
    while run_in_child(file, "killed", operation) == -signal.SIGKILL:
        assert tree(killed).items() <= expected.items(), f"operation {operation}: a partial file"
        assert run_in_child(file, "killed", 0) == 0
        assert tree(killed) == expected, f"operation {operation}: the tree differs"
        assert not list((killed / ".img2img" / "unfinished").iterdir()), f"operation {operation}: files left"
        shutil.rmtree(killed)
        operation += 1
    print(operation - 1)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
