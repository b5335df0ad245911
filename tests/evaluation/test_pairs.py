from dataclasses import replace
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from img2imgkit.errors import DataError
from img2imgkit.evaluation import Scoring, copy_baseline, evaluate_pairs, find_pairs, match_folders, results_in
from img2imgkit.images import Picture
from img2imgkit.metrics import L1, PAIRS_8BIT, Psnr, Ssim, psnr, ssim

PAIRS = Scoring(PAIRS_8BIT, (L1(), Psnr(), Ssim()))


def picture(seed, height=20, width=16, grey=False):
    shape = (height, width) if grey else (height, width, 3)
    return np.random.default_rng(seed).integers(0, 256, shape).astype(np.uint8)


def save(path, levels):
    path.parent.mkdir(parents=True, exist_ok=True)
    Image.fromarray(levels).save(path)


@pytest.fixture
def folders(tmp_path):
    """Two pairs in two folders, one in a subfolder with different suffixes."""
    place = tmp_path / "val"
    save(place / "source" / "a.png", picture(1))
    save(place / "target" / "a.png", picture(2))
    save(place / "source" / "deep" / "b.bmp", picture(3))
    save(place / "target" / "deep" / "b.png", picture(4))
    (place / "source" / "notes.txt").write_text("not a picture")
    (place / "source" / ".hidden.png").write_bytes(b"")
    return place


@pytest.fixture
def side_by_side(tmp_path):
    """One side-by-side picture."""
    save(tmp_path / "ab" / "a.png", np.concatenate([picture(1), picture(2)], axis=1))
    return tmp_path / "ab"


def test_pairs_in_two_folders_are_found_by_name(folders):
    found = find_pairs(folders)
    assert [pair.name for pair in found.pairs] == ["a", "deep/b"]
    assert (found.name, found.inputs) == ("val", "source")
    source, target = found.pairs[1].read()
    assert (source.color == picture(3)).all()
    assert (target.color == picture(4)).all()


def test_side_by_side_pairs_are_split_in_the_middle(side_by_side):
    found = find_pairs(side_by_side)
    source, target = found.pairs[0].read()
    assert (source.color == picture(1)).all()
    assert (target.color == picture(2)).all()
    assert (found.name, found.inputs) == ("ab", "left halves")


def test_pairs_may_be_swapped(folders, side_by_side):
    for folder in (folders, side_by_side):
        there, back = (find_pairs(folder, swap) for swap in (False, True))
        for one, other in zip(there.pairs, back.pairs, strict=True):
            assert all((a.color == b.color).all() for a, b in zip(one.read(), reversed(other.read()), strict=True))
        assert back.name == f"{there.name} swapped"  # so that its scores differ


def test_transparency_is_split_with_its_half(tmp_path):
    whole = np.concatenate([picture(1), picture(2)], axis=1)
    alpha = np.arange(32, dtype=np.uint8) + np.zeros((20, 1), np.uint8)
    save(tmp_path / "ab" / "a.png", np.dstack([whole, alpha]))
    source, target = find_pairs(tmp_path / "ab").pairs[0].read()
    assert (source.alpha[0, :, 0] == range(16)).all()
    assert (target.alpha[0, :, 0] == range(16, 32)).all()


def test_scores_are_of_all_channels_in_8_bits(folders):
    result = evaluate_pairs(find_pairs(folders), copy_baseline, PAIRS)
    one, other = picture(2), picture(1)
    assert result.rows[0].scores == {
        "l1": pytest.approx(np.abs(one.astype(int) - other).mean()),
        "psnr": psnr(one, other),
        "ssim": ssim(one, other),
    }
    assert result.mean["l1"] == pytest.approx(np.mean([row.scores["l1"] for row in result.rows]))
    assert (result.protocol, result.metrics, result.border, result.scale) == (
        "pairs-8bit", ("l1", "psnr", "ssim"), 0, 1
    )  # fmt: skip


def test_a_perfect_result_has_zero_l1_and_null_psnr_in_json(folders):
    pairs = find_pairs(folders)
    plain = evaluate_pairs(pairs, lambda pair, _: pair.read()[1], PAIRS).plain()
    assert plain["mean"] == {"l1": 0, "psnr": None, "ssim": pytest.approx(1)}


def test_sixteen_bits_are_rounded_to_eight(folders):
    deep = Picture((picture(2).astype(int) * 257 + 100).clip(0, 65535).astype(np.uint16))
    result = evaluate_pairs(replace(find_pairs(folders), pairs=find_pairs(folders).pairs[:1]), lambda *_: deep, PAIRS)
    assert result.rows[0].scores["l1"] == 0


def test_grey_is_compared_with_colour_as_three_equal_channels(folders):
    grey = picture(9, grey=True)
    result = evaluate_pairs(find_pairs(folders), lambda *_: Picture(grey[..., None], None, "grey"), PAIRS)
    assert result.rows[0].scores["l1"] == pytest.approx(np.abs(picture(2).astype(int) - grey[..., None]).mean())


def test_existing_results_are_read_by_name(folders, tmp_path):
    save(tmp_path / "made" / "a.png", picture(2))
    save(tmp_path / "made" / "deep" / "b.jpg.png", picture(4))
    pairs = find_pairs(folders)
    with pytest.raises(DataError, match=r"made: no partner of the same name for b\.bmp"):
        results_in(tmp_path / "made", pairs)
    save(tmp_path / "made" / "deep" / "b.bmp", picture(4))
    assert evaluate_pairs(pairs, results_in(tmp_path / "made", pairs), PAIRS).mean["l1"] == 0


def test_a_picture_without_its_partner_is_named(folders):
    for number in range(5):
        save(folders / "target" / f"extra{number}.png", picture(1))
    with pytest.raises(DataError, match=r"source: no partner .* for extra0\.png, extra1\.png, extra2\.png and 2 m"):
        find_pairs(folders)
    (folders / "target" / "a.png").unlink()
    with pytest.raises(DataError, match=r"target: no partner of the same name for a\.png"):
        find_pairs(folders)


def test_two_pictures_of_the_same_name_are_rejected(folders):
    save(folders / "source" / "a.bmp", picture(1))
    with pytest.raises(DataError, match=r"source: a\.bmp and a\.png have the same name"):
        find_pairs(folders)


def test_a_result_of_the_wrong_size_is_reported_with_target_and_sizes(folders):
    with pytest.raises(DataError, match=r"a\.png: the target has 16x20 pixels, .* source of 16x20 has 16x19"):
        evaluate_pairs(find_pairs(folders), lambda _, source: source.with_pixels(source.color[:-1], None), PAIRS)


def test_pictures_too_small_for_ssim_are_named(tmp_path):
    save(tmp_path / "small.png", picture(1, 10, 20))
    with pytest.raises(DataError, match=r"small\.png: SSIM needs"):
        evaluate_pairs(find_pairs(tmp_path), copy_baseline, PAIRS)


def test_an_odd_width_has_no_halves(tmp_path):
    save(tmp_path / "odd.png", picture(1, 20, 31))
    with pytest.raises(DataError, match=r"odd\.png: 31 pixels wide; two halves"):
        evaluate_pairs(find_pairs(tmp_path), copy_baseline, PAIRS)


@pytest.mark.parametrize("missing", ["", "source", "target"])
def test_a_missing_folder_is_named(tmp_path, missing):
    place = tmp_path / "val"
    if missing:
        save(place / ("target" if missing == "source" else "source") / "a.png", picture(1))
    with pytest.raises(DataError, match=rf"val(/{missing})?: no such folder"):
        find_pairs(place)


def test_an_empty_folder_is_rejected(tmp_path):
    with pytest.raises(DataError, match="contains no picture"):
        find_pairs(tmp_path)


def test_a_damaged_picture_is_named(tmp_path):
    (tmp_path / "broken.png").write_bytes(b"\x89PNG\r\n\x1a\n")
    with pytest.raises(DataError, match=r"broken\.png"):
        evaluate_pairs(find_pairs(tmp_path), copy_baseline, PAIRS)


def test_rows_are_passed_through_watch_one_by_one(folders):
    seen = []

    def watch(rows):
        for row in rows:
            seen.append(row.name)
            yield row

    evaluate_pairs(find_pairs(folders), copy_baseline, PAIRS, watch=watch)
    assert seen == ["a", "deep/b"]


def test_every_kind_of_picture_is_scored_and_other_files_counted(folders):
    turned = Path(__file__).parents[1] / "fixtures" / "heif" / "turned.heic"
    for role in ("source", "target"):
        (folders / role / "phone.png").write_bytes(turned.read_bytes())  # a wrong suffix
        (folders / role / "drawing.xcf").write_bytes(b"layers")
    found = find_pairs(folders)
    assert [pair.name for pair in found.pairs] == ["a", "deep/b", "phone"]
    assert found.unread == "2 .xcf, 1 .txt"
    phone = replace(found, pairs=found.pairs[2:])
    assert evaluate_pairs(phone, copy_baseline, PAIRS).mean["l1"] == 0


def test_a_folder_without_pictures_says_what_it_contains(tmp_path):
    (tmp_path / "a.xcf").write_bytes(b"layers")
    with pytest.raises(DataError, match=r"contains no picture, only other files: 1 \.xcf"):
        find_pairs(tmp_path)


def test_two_folders_anywhere_are_matched_by_name(folders):
    sources, targets = folders / "source", folders / "target"
    found = match_folders(sources, targets)
    assert found.pairs == find_pairs(folders).pairs
    assert (found.name, found.inputs) == ("source to target", str(sources))
    assert "txt" in found.unread
    save(targets / "more.png", picture(5))
    with pytest.raises(DataError, match=r"source: no partner of the same name for more\.png"):
        match_folders(sources, targets)
