import os
import struct
import zipfile
import zlib

import numpy as np
import pandas as pd
import pytest
import torch
from PIL import Image

from neurospyke import images as images_module
from neurospyke.images import images_from_array, read_images


def save(path, array, **kwargs):
    Image.fromarray(np.asarray(array)).save(path, **kwargs)
    return path


@pytest.fixture
def colours():
    return np.random.default_rng(0).integers(0, 256, (3, 4, 5, 3), dtype=np.uint8)


@pytest.fixture
def folder(tmp_path, colours):
    for name, colour in zip(("b", "c", "a"), colours, strict=True):
        save(tmp_path / f"{name}.png", colour)
    (tmp_path / "README.txt").write_text("not an image")
    (tmp_path / ".hidden.png").write_text("not an image either")
    return tmp_path


def test_folder_comes_sorted_and_as_pillow_luma(folder, colours):
    images, stimuli = read_images(folder)
    assert images.shape == (3, 1, 4, 5)
    assert images.dtype == torch.float32
    assert list(stimuli["stimulus"]) == ["a", "b", "c"]
    assert stimuli["path"].iloc[0] == str(folder / "a.png")
    for image, position in zip(images, (2, 0, 1), strict=True):
        expected = np.asarray(Image.fromarray(colours[position]).convert("L")) / np.float32(255)
        np.testing.assert_array_equal(image[0].numpy(), expected)


def test_paths_need_not_be_text_but_names_of_stimuli_must(folder):
    odd = folder / os.fsdecode(b"\xff")
    odd.mkdir()
    save(odd / "d.png", np.zeros((4, 5), dtype=np.uint8))
    (odd / "rows.csv").write_text("stimulus,path\nd,d.png\n")
    for source in (odd, odd / "rows.csv"):
        assert read_images(source)[1]["path"].tolist() == [str(odd / "d.png")]
    (odd / "d.png").rename(odd / os.fsdecode(b"\xfe.png"))
    with pytest.raises(ValueError, match="must have a name that is text: rename it"):
        read_images(odd)


def test_array_and_files_agree_to_the_bit(folder, colours):
    assert torch.equal(images_from_array(colours)[[2, 0, 1]], read_images(folder)[0])


def test_luma_of_every_8_bit_corner_is_pillows():
    grid = np.linspace(0, 255, 18).astype(np.uint8)
    colours = np.stack(np.meshgrid(grid, grid, grid), axis=-1).reshape(1, 18, -1, 3)
    expected = np.asarray(Image.fromarray(colours[0]).convert("L")) / np.float32(255)
    np.testing.assert_array_equal(images_from_array(colours)[0, 0].numpy(), expected)


def test_colour_is_kept_on_request(folder, colours, tmp_path):
    images, stimuli = read_images(folder, colour=True)
    assert images.shape == (3, 3, 4, 5)
    assert images.dtype == torch.float32
    expected = np.moveaxis(colours[[2, 0, 1]], 3, 1) / np.float32(255)
    np.testing.assert_array_equal(images.numpy(), expected)
    assert torch.equal(images_from_array(colours, colour=True)[[2, 0, 1]], images)
    assert list(stimuli["stimulus"]) == ["a", "b", "c"]
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in "abc":
            file.write(folder / f"{name}.png", f"{name}.png")
    assert torch.equal(read_images(archive, colour=True)[0], images)
    assert torch.equal(read_images(stimuli, colour=True)[0], images)


def test_grey_read_in_colour_has_three_channels_alike(tmp_path):
    save(tmp_path / "a.png", np.array([[0, 51, 255]], dtype=np.uint8))
    save(tmp_path / "b.png", np.array([[0, 13107, 65535]], dtype=np.uint16))
    grey, colour = read_images(tmp_path)[0], read_images(tmp_path, colour=True)[0]
    assert torch.equal(colour, grey.expand(2, 3, 1, 3))
    array = np.array([[[0, 0.2, 1.0]]])
    assert torch.equal(images_from_array(array, colour=True), grey[:1].expand(1, 3, 1, 3))


def test_colour_floats_are_themselves():
    array = np.random.default_rng(0).random((2, 3, 4, 3))
    images = images_from_array(array, colour=True)
    np.testing.assert_array_equal(images.numpy(), np.moveaxis(array, 3, 1).astype(np.float32))
    with pytest.raises(ValueError, match="got 0 to 255"):
        images_from_array(np.array([[[[0.0, 255.0, 1.0]]]]), colour=True)


def test_each_colour_is_resized_alone(folder):
    small = read_images(folder, size=(2, 3), colour=True)[0]
    save(folder / "green.png", np.asarray(Image.open(folder / "a.png"))[..., 1])
    alone = read_images(folder, size=(2, 3))[0]
    assert small.shape == (3, 3, 2, 3)
    assert torch.equal(small[0, 1], alone[3, 0])


def test_zip_gives_what_the_folder_gives(folder, tmp_path):
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        for name in ("c", "a", "b"):
            file.write(folder / f"{name}.png", f"inside/{name}.png")
        file.writestr("__MACOSX/._a.png", b"junk")
    images, stimuli = read_images(archive)
    assert torch.equal(images, read_images(folder)[0])
    assert stimuli["path"].iloc[0] == f"{archive}/inside/a.png"


def test_table_keeps_its_order_labels_and_columns(folder):
    (folder / "table.csv").write_text("stimulus,path,kind\n007,c.png,face\nNA,a.png,car\n")
    images, stimuli = read_images(folder / "table.csv")
    assert list(stimuli["stimulus"]) == ["007", "NA"]
    assert list(stimuli["kind"]) == ["face", "car"]
    assert torch.equal(images, read_images(folder)[0][[2, 0]])
    table = pd.DataFrame({"stimulus": [7], "path": [folder / "b.png"]})
    again, stimuli = read_images(table)
    assert list(stimuli["stimulus"]) == ["7"]
    assert torch.equal(again, read_images(folder)[0][[1]])


def test_resizing_is_antialiased_and_stays_in_range(tmp_path):
    stripes = np.zeros((64, 64), dtype=np.uint8)
    stripes[:, ::2] = 255
    save(tmp_path / "stripes.png", stripes)
    save(tmp_path / "white.png", np.full((9, 31), 255, dtype=np.uint8))
    images, _ = read_images(tmp_path, size=(16, 8))
    assert images.shape == (2, 1, 16, 8)
    torch.testing.assert_close(images[0, 0, :, 1:-1], torch.full((16, 6), 0.5), atol=1e-3, rtol=0)
    assert torch.equal(images[1], torch.ones(1, 16, 8))


def test_16_bit_grey_keeps_its_depth(tmp_path):
    save(tmp_path / "deep.png", np.array([[0, 1, 65535]], dtype=np.uint16))
    images, _ = read_images(tmp_path)
    np.testing.assert_array_equal(
        images[0, 0, 0].numpy(), np.array([0, 1 / 65535, 1], dtype=np.float32)
    )


def test_mixed_sizes_name_two_files(folder):
    save(folder / "d.png", np.zeros((5, 4), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"a\.png' is 4 x 5 and .*d\.png' is 5 x 4.*size="):
        read_images(folder)


def test_two_files_of_one_stem_are_refused(folder):
    save(folder / "a.bmp", np.zeros((4, 5), dtype=np.uint8))
    with pytest.raises(ValueError, match=r"'a' is the name of .*a\.bmp.*a\.png"):
        read_images(folder)


def test_damaged_images_are_named(folder):
    whole = (folder / "b.png").read_bytes()
    for damaged in (whole[: len(whole) // 2], b"", b"not an image at all"):
        (folder / "b.png").write_bytes(damaged)
        with pytest.raises(ValueError, match=r"b\.png' must be readable"):
            read_images(folder)
    (folder / "b.png").write_bytes(whole)
    save(folder / "c.jpg", np.zeros((64, 64), dtype=np.uint8))
    (folder / "c.png").unlink()
    (folder / "c.jpg").write_bytes((folder / "c.jpg").read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"c\.jpg' must be readable.*[Tt]runcated"):
        read_images(folder, size=(4, 5))


def test_an_entry_with_a_wrong_checksum_is_named(folder, tmp_path):
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(folder / "a.png", "a.png")
    content = bytearray(archive.read_bytes())
    content[60] ^= 255
    archive.write_bytes(content)
    with pytest.raises(ValueError, match=r"a\.png' must be readable"):
        read_images(archive)


def test_nothing_to_read_is_said(tmp_path):
    with pytest.raises(ValueError, match="none among 0 files"):
        read_images(tmp_path)
    with pytest.raises(ValueError, match=r"existing folder.*absent"):
        read_images(tmp_path / "absent")
    with pytest.raises(ValueError, match=r"absent\.png' must exist"):
        read_images(pd.DataFrame({"stimulus": ["a"], "path": [tmp_path / "absent.png"]}))
    with pytest.raises(ValueError, match="no rows"):
        read_images(pd.DataFrame({"stimulus": [], "path": []}))
    (tmp_path / "broken.zip").write_bytes(b"PK\x03\x04 and no more")
    with pytest.raises(ValueError, match="must be a zip archive"):
        read_images(tmp_path / "broken.zip")


@pytest.mark.parametrize("side", [9_000, 11_000, 60_000])
def test_decompression_bombs_are_refused_before_they_unfold(tmp_path, side):
    header = struct.pack(">IIBBBBB", side, side, 8, 0, 0, 0, 0)
    chunks = [(b"IHDR", header), (b"IDAT", zlib.compress(b"")), (b"IEND", b"")]
    png = b"\x89PNG\r\n\x1a\n" + b"".join(
        struct.pack(">I", len(body)) + kind + body + struct.pack(">I", zlib.crc32(kind + body))
        for kind, body in chunks
    )
    (tmp_path / "bomb.png").write_bytes(png)
    with pytest.raises(ValueError, match=r"bomb\.png' must be readable.*(limit|exceeds)"):
        read_images(tmp_path)


def test_archives_past_the_limits_are_refused(folder, tmp_path, monkeypatch):
    archive = tmp_path / "images.zip"
    with zipfile.ZipFile(archive, "w") as file:
        file.write(folder / "a.png", "a.png")
        file.write(folder / "b.png", "b.png")
    monkeypatch.setattr(images_module, "_MAX_ENTRIES", 1)
    with pytest.raises(ValueError, match="at most 1 files"):
        read_images(archive)
    monkeypatch.undo()
    monkeypatch.setattr(images_module, "_MAX_TOTAL_BYTES", 100)
    with pytest.raises(ValueError, match="and 100 bytes"):
        read_images(archive)
    with pytest.raises(ValueError, match="must fit in 100 bytes"):
        read_images(folder)
    monkeypatch.setattr(images_module, "_MAX_FILE_BYTES", 10)
    with pytest.raises(ValueError, match="over the limit of 10 bytes"):
        read_images(folder)


def test_what_has_no_single_luminance_is_refused(tmp_path):
    ramp = np.zeros((2, 2, 4), dtype=np.uint8)
    save(tmp_path / "glass.png", ramp)
    with pytest.raises(ValueError, match=r"glass\.png.*transparent"):
        read_images(tmp_path)
    ramp[..., 3] = 255
    save(tmp_path / "glass.png", ramp)
    assert torch.equal(read_images(tmp_path)[0], torch.zeros(1, 1, 2, 2))
    frames = [Image.new("L", (2, 2), shade) for shade in (0, 200)]
    frames[0].save(tmp_path / "film.gif", save_all=True, append_images=frames[1:])
    with pytest.raises(ValueError, match=r"film\.gif.*several frames"):
        read_images(tmp_path)
    (tmp_path / "film.gif").unlink()
    save(tmp_path / "raw.tif", np.zeros((2, 2), dtype=np.float32))
    with pytest.raises(ValueError, match=r"raw\.tif.*unknown range"):
        read_images(tmp_path)


@pytest.mark.parametrize(
    ("array", "error", "message"),
    [
        (np.zeros((1, 2, 2), dtype=np.int64), TypeError, "uint8 or floats; got int64"),
        ([[0.5]], TypeError, "got list"),
        (np.zeros((2, 2)), ValueError, r"got shape \(2, 2\)"),
        (np.zeros((1, 2, 2, 4)), ValueError, r"got shape \(1, 2, 2, 4\)"),
        (np.zeros((0, 2, 2)), ValueError, "none of them empty"),
        (np.full((1, 2, 2), 255.0), ValueError, "got 255 to 255"),
        (np.full((1, 2, 2), np.nan), ValueError, "got nan"),
    ],
)
def test_arrays_of_another_kind_are_refused(array, error, message):
    with pytest.raises(error, match=message):
        images_from_array(array)


def test_float_colours_become_rec_601_luma():
    colours = np.array([[[[1.0, 0, 0], [0, 1.0, 0], [0, 0, 1.0], [1.0, 1.0, 1.0]]]])
    luma = images_from_array(colours)[0, 0, 0]
    torch.testing.assert_close(luma, torch.tensor([0.299, 0.587, 0.114, 1.0]), atol=1e-5, rtol=0)


def test_a_bad_size_is_refused(folder):
    with pytest.raises(ValueError, match=r"`size` must be .*got \(0, 5\)"):
        read_images(folder, size=(0, 5))
