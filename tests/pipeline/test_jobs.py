"""Jobs: any number of them, in order, in bounded memory."""

import gc
from contextlib import suppress
from pathlib import Path, PurePosixPath

import pytest

from img2imgkit.errors import PlanError
from img2imgkit.item import Entry
from img2imgkit.pipeline import spill
from img2imgkit.pipeline.jobs import ROWS, Job, Jobs

COUNT = 2 * ROWS + 7


def job(number: int) -> Job:
    name = f"{number}-\udcff.png"  # not UTF-8, as file names may be
    entry = Entry(f"/in/{name}", PurePosixPath(name), number, 2**40, "v\udcff", (("shade", "10"),) * (number % 2))
    return Job(entry, (PurePosixPath(name), None), "new" if number % 3 else "")


def test_jobs_are_returned_unchanged_and_in_order() -> None:
    jobs, expected = Jobs(), [job(number) for number in range(COUNT)]
    assert [jobs.add(each) for each in expected] == list(range(COUNT))
    assert len(jobs) == COUNT
    assert list(jobs) == expected
    assert list(jobs) == expected
    assert list(jobs.to_make()) == [each for each in expected if each.reason]
    assert jobs.to_make_count == sum(bool(each.reason) for each in expected)
    assert jobs[ROWS] == expected[ROWS]
    assert expected[3] in jobs
    with pytest.raises(IndexError, match=f"there is no job {COUNT}: there are {COUNT} jobs"):
        jobs[COUNT]


def test_jobs_can_be_added_during_iteration() -> None:
    jobs = Jobs()
    jobs.add(job(0))
    reading = iter(jobs)
    assert next(reading) == job(0)
    jobs.add(job(1))
    assert list(jobs) == [job(0), job(1)]


@pytest.mark.skipif(not Path("/proc/self/fd").exists(), reason="reads /proc to list open files")
def test_above_the_cache_size_they_spill_to_an_unnamed_file() -> None:
    def bytes_on_disk() -> int:
        sizes = []
        for link in Path("/proc/self/fd").iterdir():
            with suppress(FileNotFoundError):  # the descriptor of the listing itself
                if "etilqs" in str(link.readlink()):  # SQLite's prefix of temporary files
                    assert str(link.readlink()).endswith(" (deleted)")
                    sizes.append(link.stat().st_size)
        return sum(sizes)

    gc.collect()
    before = bytes_on_disk()
    few, many = Jobs(cache=1 << 20), Jobs(cache=64 << 10)
    few.add(job(0))
    assert bytes_on_disk() == before
    for number in range(COUNT):
        many.add(job(number))
    assert bytes_on_disk() > before + (64 << 10)
    assert [each.entry.index for each in many] == list(range(COUNT))
    del many
    assert bytes_on_disk() == before


def test_a_full_disk_is_an_error_that_names_the_temporary_folder() -> None:
    jobs = Jobs(cache=1 << 10)
    jobs._database.execute("PRAGMA max_page_count = 3")

    def fill() -> None:
        for number in range(COUNT):
            jobs.add(job(number))

    with pytest.raises(PlanError, match=r"cannot store the plan in the temporary folder: .*full; .* set TMPDIR"):
        fill()


def test_short_keys_depend_on_where_a_text_ends() -> None:
    assert len({spill.short_key("a", "bc"), spill.short_key("ab", "c"), spill.short_key("abc")}) == 3
    assert -(2**63) <= spill.short_key("\udcff") < 2**63
