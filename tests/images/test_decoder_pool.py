import io
import os
import pickle
import signal
import threading
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import bombs
import numpy as np
import psutil
import pytest
from pictures import levels
from PIL import Image

from img2imgkit.errors import DecodeError
from img2imgkit.images import decode, decoder_pool
from img2imgkit.images.decode import decode_here
from img2imgkit.images.limits import limits, set_limits
from img2imgkit.places import Limits


@pytest.fixture(autouse=True)
def own_limits():
    """Set the limits back, and leave no process behind that does not keep them."""
    before = limits()
    yield
    if limits() != before:
        decoder_pool.close()
        set_limits(before)


@pytest.fixture
def picture(tmp_path):
    """A file of a format that is decoded in another process."""
    path = tmp_path / "picture.tga"
    Image.fromarray(levels(1, channels=4)).save(path)
    return path


@pytest.fixture
def slow(tmp_path):
    """A file that needs many seconds."""
    path = tmp_path / "slow.jpg"
    path.write_bytes(bombs.jpeg_of_scans(250, 4000))
    return path


def processes():
    """The decoder processes; other tests may have left processes of other libraries."""
    children = psutil.Process().children()
    return {child.pid for child in children if "serve(sys.argv" in " ".join(child.cmdline())}


def refusal(path):
    with pytest.raises(DecodeError) as caught:
        decode(path)
    return str(caught.value)


def same(one, two):
    return np.array_equal(one.color, two.color) and (
        one.alpha is two.alpha if one.alpha is None else np.array_equal(one.alpha, two.alpha)
    )


@pytest.mark.parametrize("name", ["a.tga", "a.gif", "a.jp2", "a.ppm", "a.avif", "sixteen.jp2"])
def test_a_picture_is_the_same_as_decoded_here(tmp_path, name):
    channels = 4 if name.endswith(("tga", "avif")) else 3
    image = Image.fromarray(levels(2, channels=channels))
    if name.startswith("sixteen"):
        image = Image.fromarray(levels(2, channels=1)[..., 0].astype(np.uint16) * 257)
    if name.endswith("avif"):
        exif = Image.Exif()
        exif[0x0112], exif[0x010E] = 6, "described"
        image.save(tmp_path / name, exif=exif, xmp=b"<x/>")
    else:
        image.save(tmp_path / name)
    found, here = decode(tmp_path / name), decode_here(tmp_path / name)
    assert same(found, here)
    for field in ("space", "metadata", "format", "mode", "notes"):
        assert getattr(found, field) == getattr(here, field)
    assert processes()


def test_common_formats_start_no_process(tmp_path):
    decoder_pool.close()
    for name in ("a.png", "a.jpg", "a.webp", "a.tif", "a.bmp"):
        Image.fromarray(levels(3)).save(tmp_path / name)
        decode(tmp_path / name)
    assert not processes()


def test_a_process_is_kept(picture):
    decode(picture)
    first = processes()
    decode(picture)
    assert processes() == first


def test_pictures_are_decoded_at_the_same_time(picture):
    with ThreadPoolExecutor(4) as threads:
        expected = decode_here(picture)
        assert all(same(found, expected) for found in threads.map(decode, [picture] * 20))
    assert 1 <= len(processes()) <= max(2, os.cpu_count() or 1)


def test_messages_are_the_same_as_here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    Path("damaged.tga").write_bytes(b"no picture \x80\x81")
    with pytest.raises(DecodeError) as here:
        decode_here(Path("damaged.tga"))
    assert refusal(Path("damaged.tga")) == str(here.value)


def test_a_name_that_is_not_utf8_is_found(picture):
    odd = os.fsdecode(os.fsencode(picture.parent) + b"/\xff.tga")
    picture.rename(odd)
    assert decode(Path(odd)).width == 16


@pytest.mark.slow
def test_a_picture_that_needs_too_much_time_fails_alone(slow, picture):
    set_limits(Limits(seconds=0.5))
    assert refusal(slow) == f"{slow}: needs more than 0.5 s to decode it; raise `limits.seconds` if you trust the file"
    assert not processes()
    set_limits(Limits())
    assert decode(picture).width == 16


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="only Linux keeps the limit")
@pytest.mark.slow
def test_a_picture_that_needs_too_much_memory_fails_alone(tmp_path, picture):
    Image.new("RGB", (5000, 5000)).save(tmp_path / "large.tga", compression="tga_rle")
    set_limits(Limits(memory=64 << 20))
    assert "not enough memory to decode it; `limits.memory` allows 67,108,864 bytes" in refusal(tmp_path / "large.tga")
    assert decode(picture).width == 16


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
@pytest.mark.slow
def test_a_process_that_is_killed_fails_one_picture_and_is_replaced(slow, picture):
    decoder_pool.close()
    decode(picture)
    (victim,) = processes()
    failed = []
    thread = threading.Thread(target=lambda: failed.append(refusal(slow)))
    thread.start()
    while decoder_pool.pool()._idle:
        time.sleep(0.01)
    os.kill(victim, signal.SIGKILL)
    thread.join()
    assert failed == [f"{slow}: the process that decodes it ended (SIGKILL)"]
    assert decode(picture).width == 16
    assert victim not in processes()


@pytest.mark.skipif(os.name == "nt", reason="signals of POSIX")
def test_an_idle_process_that_is_killed_costs_no_picture(picture):
    decoder_pool.close()
    decode(picture)
    (victim,) = processes()
    os.kill(victim, signal.SIGKILL)
    psutil.Process(victim).wait()
    assert decode(picture).width == 16


@pytest.mark.skipif(not hasattr(os, "memfd_create"), reason="the files of this process are known on Linux")
@pytest.mark.slow
def test_a_kill_leaves_no_memory_behind(slow):
    def shared():
        links = [link for link in Path("/proc/self/fd").iterdir() if link.is_symlink()]
        return [link for link in links if "img2img-pixels" in str(link.readlink())]

    decoder_pool.close()
    set_limits(Limits(seconds=0.3))
    refusal(slow)
    assert not shared()
    assert not list(Path("/dev/shm").glob("*img2img*"))


def test_a_process_ends_with_its_parent(picture):
    decoder_pool.close()
    decode(picture)
    (child,) = (psutil.Process(pid) for pid in processes())
    decoder_pool.pool()._idle[0]._process.stdin.close()
    child.wait(10)


def test_only_metadata_is_read_from_a_process():
    hostile = pickle.dumps({"rest": os.system})
    with pytest.raises(pickle.UnpicklingError):
        decoder_pool._Metadata(io.BytesIO(hostile)).load()


@pytest.mark.parametrize(
    "message",
    [
        {},
        {"pixels": {"color": ((2, 2, 3), "object")}, "rest": {}},
        {"pixels": {"color": ((2, 2, 3), "uint8")}, "rest": {}},
        {"pixels": {"color": ((1, 1, 3), "uint8")}, "rest": {"no such field": 1}},
    ],
)
def test_a_broken_answer_is_an_error_of_the_process(message):
    with pytest.raises(decoder_pool.Lost, match="is broken"):
        decoder_pool._picture(message, io.BytesIO(bytes(3)))


def test_a_process_that_cannot_start_is_a_reason(picture, monkeypatch):
    decoder_pool.close()
    monkeypatch.setattr(decoder_pool.sys, "executable", str(picture.parent / "gone"))
    assert "cannot be started: No such file or directory" in refusal(picture)
