"""Images from a path: the true formats give the right pixels and labels, and every fault names its file."""

import contextlib
import io
import json
import os
import pickle
from collections import OrderedDict
from pathlib import Path

import numpy as np
import pytest
import scipy.io
from PIL import Image

from autoprox.base.errors import ImageError, SpecError
from autoprox.datasets import open_images
from autoprox.datasets._pictures import Files, squared
from autoprox.datasets._unpickling import read_pickled_arrays
from autoprox.datasets.base import Dataset
from autoprox.datasets.batches import draw_batch
from tests.datasets.image_folders import (
    pixels,
    python2_pickle,
    write_chaoyang,
    write_cifar10,
    write_cifar100,
    write_flowers,
    write_image_folder,
)


def test_cifar100_gives_its_own_pixels_and_fine_labels(tmp_path: Path) -> None:
    folder = write_cifar100(tmp_path / "cifar-100-python")
    data = open_images(folder, 32, name="cifar100")
    assert (data.name, data.num_classes, data.img_size, data.in_chans) == ("cifar100", 100, 32, 3)
    np.testing.assert_array_equal(data.train_images[:], pixels(210, 3072, seed=1).reshape(-1, 3, 32, 32))
    np.testing.assert_array_equal(data.test_images[:], pixels(100, 3072, seed=2).reshape(-1, 3, 32, 32))
    assert data.train_labels.tolist() == [index * 7 % 100 for index in range(210)]
    # The folder above is found as well, and as the original reader reads it so do we.
    original = pickle.loads((folder / "train").read_bytes(), encoding="latin1")
    np.testing.assert_array_equal(open_images(tmp_path, 32).train_images[:].reshape(210, -1), original["data"])
    assert open_images(folder, 48).train_images[:3].shape == (3, 3, 48, 48)


def test_cifar10_joins_its_batches(tmp_path: Path) -> None:
    data = open_images(write_cifar10(tmp_path / "cifar-10-batches-py"), 32)
    assert (len(data.train_images), len(data.test_images), data.num_classes) == (100, 20, 10)
    assert data.name == "cifar-10-batches-py"
    np.testing.assert_array_equal(data.train_images[80:], pixels(20, 3072, seed=4).reshape(-1, 3, 32, 32))


@pytest.fixture(scope="module")
def flowers(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return write_flowers(tmp_path_factory.mktemp("flowers") / "flowers-102")


def test_flowers_joins_training_and_validation_images(flowers: Path) -> None:
    data = open_images(flowers, 24)
    assert (len(data.train_images), len(data.test_images), data.num_classes) == (306, 102, 102)
    labels = scipy.io.loadmat(flowers / "imagelabels.mat")["labels"][0]
    sets = scipy.io.loadmat(flowers / "setid.mat")
    numbers = np.concatenate([sets["trnid"][0], sets["valid"][0]])
    assert data.train_labels.tolist() == [int(labels[number - 1]) - 1 for number in numbers]
    assert sorted(data.test_labels.tolist()) == list(range(102))
    for index in (0, 250):
        with Image.open(flowers / "jpg" / f"image_{numbers[index]:05d}.jpg") as picture:
            expected = reference_square(picture, 24)
        np.testing.assert_allclose(data.train_images[index : index + 1][0], expected, atol=2)


def reference_square(picture: Image.Image, size: int) -> np.ndarray:
    """Crop first, to whole pixels, then resize: for sizes that leave no half pixel."""
    width, height = picture.size
    side = min(width, height)
    left, top = (width - side) / 2, (height - side) / 2
    resized = picture.convert("RGB").resize(
        (size, size), Image.Resampling.BICUBIC, box=(left, top, left + side, top + side)
    )
    return np.asarray(resized).transpose(2, 0, 1)


def test_chaoyang(tmp_path: Path) -> None:
    folder = write_chaoyang(tmp_path / "chaoyang")
    data = open_images(folder, 64)
    assert (len(data.train_images), len(data.test_images), data.num_classes) == (24, 8, 4)
    assert data.test_labels.tolist() == [0, 1, 2, 3] * 2
    with Image.open(folder / "test" / "537-IMG002x009-2.JPG") as picture:
        np.testing.assert_array_equal(data.test_images[2:3][0], np.asarray(picture).transpose(2, 0, 1))


@pytest.mark.parametrize("test_folder", ["test", "val"])
def test_image_folder_with_a_split(tmp_path: Path, test_folder: str) -> None:
    write_image_folder(tmp_path / "train", {"ant": 3, "bee": 2})
    write_image_folder(tmp_path / test_folder, {"ant": 1, "bee": 2}, suffix="bmp")
    (tmp_path / "train" / "ant" / "notes.txt").write_text("not an image, and none by its name")
    data = open_images(tmp_path, 20, name="insects")
    assert data.train_labels.tolist() == [0, 0, 0, 1, 1]
    assert data.test_labels.tolist() == [0, 1, 1]
    np.testing.assert_array_equal(data.train_images[3:4][0], pixels(20, 24, 3, seed=100)[:, 2:22].transpose(2, 0, 1))


def test_image_folder_without_a_split_holds_back_a_fifth(tmp_path: Path) -> None:
    folder = write_image_folder(tmp_path / "leaves", {"ash": 10, "elm": 3, "oak": 5})
    data = open_images(folder, 8)
    assert np.bincount(data.train_labels).tolist() == [8, 2, 4]
    assert np.bincount(data.test_labels).tolist() == [2, 1, 1]
    train = {image.tobytes() for image in data.train_images[:]}
    assert len(train) == 14
    assert not train & {image.tobytes() for image in data.test_images[:]}
    assert open_images(folder, 8).in_memory().digest == data.in_memory().digest


def test_grey_palette_transparent_and_cmyk_images_become_colour() -> None:
    grey = Image.fromarray(pixels(16, 16))
    expected = np.asarray(grey)[None].repeat(3, axis=0)
    np.testing.assert_array_equal(squared(grey, 16), expected)
    colour = Image.fromarray(pixels(16, 16, 3))
    np.testing.assert_array_equal(squared(colour.convert("RGBA"), 16), np.asarray(colour).transpose(2, 0, 1))
    for mode in ("P", "CMYK", "1", "LA"):
        assert squared(colour.convert(mode), 8).shape == (3, 8, 8)


def test_one_channel_is_the_luma(flowers: Path) -> None:
    colour = pixels(16, 16, 3)
    luma = colour.astype(float) @ (0.299, 0.587, 0.114)  # ITU-R 601
    assert np.abs(squared(Image.fromarray(colour), 16, channels=1) - luma[None]).max() < 1
    assert open_images(flowers, 8, channels=1).train_images[:2].shape == (2, 1, 8, 8)
    with pytest.raises(SpecError, match="channels is 2; give 1 or 3"):
        open_images(flowers, 8, channels=2)


def test_a_batch_decodes_no_more_than_it_needs(flowers: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    read: list[int] = []
    original = Files.read

    def counting(self: Files, index: int, *size: int) -> np.ndarray:
        read.append(index)
        return original(self, index, *size)

    monkeypatch.setattr(Files, "read", counting)
    monkeypatch.setattr("autoprox.datasets.base.MEASURED", 40)
    data = open_images(flowers, 16)
    assert read == []
    batch = draw_batch(data)
    assert len(read) == 32 + 40
    assert len(set(batch.labels.tolist())) == 32
    sample = data.train_images[np.arange(40) * 306 // 40] / 255.0
    np.testing.assert_allclose(batch.mean, sample.mean(axis=(0, 2, 3)), atol=1e-6)
    np.testing.assert_allclose(batch.std, sample.std(axis=(0, 2, 3)), atol=1e-6)


def test_batches_of_uneven_classes(tmp_path: Path) -> None:
    folder = write_image_folder(tmp_path, {"many": 50, "one": 2, "some": 12})
    labels = draw_batch(open_images(folder, 8)).labels
    assert np.bincount(labels).tolist() == [21, 1, 10]
    few = write_image_folder(tmp_path / "few", {"a": 3, "b": 2})
    assert sorted(draw_batch(open_images(few, 8)).labels.tolist()) == [0, 0, 1]


def test_decoded_and_undecoded_data_sets_are_the_same(flowers: Path) -> None:
    data = open_images(flowers, 12)
    decoded = data.in_memory()
    assert isinstance(decoded.train_images, np.ndarray)
    assert (decoded.mean, decoded.std, decoded.digest) == (data.mean, data.std, data.digest)
    np.testing.assert_array_equal(decoded.normalised(decoded.test_images), data.normalised(data.test_images))


# ---- what can be wrong


class Attack:
    """Pickles to a call of a function."""

    def __init__(self, *call: object) -> None:
        self.call = call

    def __reduce__(self) -> tuple[object, tuple[object, ...]]:
        return self.call[0], self.call[1:]


@pytest.mark.parametrize(
    "harmful",
    [
        Attack(os.system, "touch broken-in"),
        Attack(eval, "1"),
        Attack(np.ndarray, (10**15,)),
        Attack(np.dtype, "O"),
        np.zeros(2, dtype=[("x", "i4")]),
        np.zeros(2, dtype="U3"),
        np.zeros(2).view(np.recarray),
        Attack(np.load, "x.npy"),
        OrderedDict(data=1),
        np.array([{}], dtype=object),
        Path("x"),
    ],
    ids=lambda value: type(value).__name__,
)
@pytest.mark.parametrize("protocol", [0, 2, 4, 5])
def test_pickles_that_hold_more_than_arrays_are_refused(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, harmful: object, protocol: int
) -> None:
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "train"
    file.write_bytes(pickle.dumps({"data": harmful}, protocol=protocol))
    with pytest.raises(ImageError, match=r"train (is refused|cannot be read as a pickle)"):
        read_pickled_arrays(file)
    assert not (tmp_path / "broken-in").exists()


def test_a_pickle_that_numbers_objects_beyond_its_length_is_refused_before_memory_is_taken(tmp_path: Path) -> None:
    """The number is an index into an array that Python's reader makes as long as it has to be: 32 GiB here."""
    numbered = b"\x80\x02]r" + (2**31 - 2).to_bytes(4, "little") + b"."
    (tmp_path / "train").write_bytes(numbered)
    with pytest.raises(ImageError, match=r"train cannot be read as a pickle.*it numbers an object 2147483646"):
        read_pickled_arrays(tmp_path / "train")
    (tmp_path / "train").unlink()
    (tmp_path / "train").symlink_to("/dev/zero")
    with pytest.raises(ImageError, match=r"train cannot be read as a pickle"):
        read_pickled_arrays(tmp_path / "train")


def test_pickled_arrays_of_every_protocol_and_kind_are_read(tmp_path: Path) -> None:
    content = {
        "a": np.arange(6.0).reshape(2, 3),
        b"b": [1, "x", b"\xff\x00", None, True],
        "c": np.array([[1, 2]], ">i2").T,
    }
    file = tmp_path / "arrays"
    for protocol in range(5):
        file.write_bytes(pickle.dumps(content, protocol=protocol))
        read = read_pickled_arrays(file)
        np.testing.assert_array_equal(read["a"], content["a"])
        np.testing.assert_array_equal(read["c"], content["c"])
        assert read[b"b"] == content[b"b"]


def test_cifar_files_that_are_cut_off_damaged_or_others(tmp_path: Path) -> None:
    folder = write_cifar100(tmp_path / "c", train=20, test=4)
    whole = (folder / "test").read_bytes()
    for kept in (0, 1, 40, len(whole) // 2, len(whole) - 1):
        (folder / "test").write_bytes(whole[:kept])
        with pytest.raises(ImageError, match=r"c/test .*Use the original files"):
            open_images(folder, 32)
    wrong: list[tuple[dict[str, object], str]] = [
        ({"data": pixels(4, 3072)}, "no entry 'fine_labels'"),
        ({"data": pixels(4, 3071), "fine_labels": [0] * 4}, "3072 columns"),
        ({"data": pixels(4, 3072), "fine_labels": [0] * 3}, "give 4 whole numbers"),
        ({"data": pixels(4, 3072), "fine_labels": [0, 1, 100, 3]}, "label of image 2 .*is 100; labels are 0 to 99"),
    ]
    for entries, message in wrong:
        (folder / "test").write_bytes(python2_pickle(entries))
        with pytest.raises(ImageError, match=message):
            open_images(folder, 32)
    (folder / "test").write_bytes(pickle.dumps([1]))
    with pytest.raises(ImageError, match="contains a list"):
        open_images(folder, 32)
    (folder / "test").unlink()
    with pytest.raises(ImageError, match="c/test cannot be read as a pickle: No such file"):
        open_images(folder, 32)


def test_flowers_files_that_are_missing_damaged_or_contradict(tmp_path: Path) -> None:
    folder = write_flowers(tmp_path / "f", classes=3)
    (folder / "jpg" / "image_00002.jpg").rename(tmp_path / "away.jpg")
    with pytest.raises(ImageError, match=r"f/jpg/image_00002\.jpg is missing, though .*setid\.mat names it"):
        open_images(folder, 8)
    (tmp_path / "away.jpg").rename(folder / "jpg" / "image_00002.jpg")
    labels, sets = (folder / "imagelabels.mat").read_bytes(), (folder / "setid.mat").read_bytes()
    for content in (b"", b"MATLAB", labels[:150], labels[:-9]):
        (folder / "imagelabels.mat").write_bytes(content)
        with pytest.raises(ImageError, match=r"imagelabels\.mat (cannot be read|has no row)"):
            open_images(folder, 8)
    scipy.io.savemat(folder / "imagelabels.mat", {"labels": np.array([[1, 2, 3]])})
    with pytest.raises(ImageError, match="labels only for images 1 to 3"):
        open_images(folder, 8)
    scipy.io.savemat(folder / "imagelabels.mat", {"labels": np.full((1, 12), 103)})
    with pytest.raises(ImageError, match="is 102; labels are 0 to 101"):
        open_images(folder, 8)
    (folder / "imagelabels.mat").write_bytes(labels)
    scipy.io.savemat(folder / "setid.mat", {"trnid": [[1]], "valid": [["x"]], "tstid": [[2]]})
    with pytest.raises(ImageError, match="no row 'valid' of whole numbers"):
        open_images(folder, 8)
    (folder / "setid.mat").unlink()
    with pytest.raises(ImageError, match=r"setid\.mat of Flowers-102 is missing"):
        open_images(folder, 8)
    (folder / "setid.mat").write_bytes(sets)
    assert len(open_images(folder, 8).train_images) == 9


def test_chaoyang_lists_that_are_damaged(tmp_path: Path) -> None:
    folder = write_chaoyang(tmp_path / "c", train=4, test=4)
    listing = folder / "train.json"
    entries = json.loads(listing.read_text())
    cases: list[tuple[object, str]] = [
        ({"name": "x"}, "no list of images"),
        ([], "no list of images"),
        ([{"name": "a.jpg"}], "Entry 0 of .*not an object with name and label"),
        ([*entries[:3], {"name": entries[3]["name"], "label": 4}], "label of image 3 .*is 4; labels are 0 to 3"),
        ([*entries[:3], {"name": "train/no.JPG", "label": 1}], r"no\.JPG is missing"),
        ([*entries[:3], {"name": "../x.JPG", "label": 1}], "is outside"),
        ([*entries[:3], {"name": "/etc/passwd", "label": 1}], "is outside"),
        ([*entries[:3], {"name": entries[3]["name"], "label": "1"}], "give 4 whole numbers"),
    ]
    for content, message in cases:
        listing.write_text(json.dumps(content))
        with pytest.raises(ImageError, match=message):
            open_images(folder, 8)
    listing.write_text(json.dumps(entries)[:50])
    with pytest.raises(ImageError, match=r"train\.json cannot be read"):
        open_images(folder, 8)
    (folder / "test.json").unlink()
    listing.write_text(json.dumps(entries))
    with pytest.raises(ImageError, match=r"test\.json of Chaoyang is missing"):
        open_images(folder, 8)


def test_image_folders_that_cannot_be_used(tmp_path: Path) -> None:
    one = write_image_folder(tmp_path / "one", {"only": 3})
    with pytest.raises(ImageError, match="has 1 subfolders"):
        open_images(one, 8)
    (tmp_path / "one" / "bare").mkdir()
    with pytest.raises(ImageError, match="one/bare has no images"):
        open_images(one, 8)
    lonely = write_image_folder(tmp_path / "lonely", {"a": 3, "b": 1})
    with pytest.raises(ImageError, match=r"class 'b' of .*lonely has one image"):
        open_images(lonely, 8)
    split = tmp_path / "split"
    write_image_folder(split / "train", {"a": 1, "b": 1})
    with pytest.raises(ImageError, match="none of: test, val"):
        open_images(split, 8)
    write_image_folder(split / "val", {"a": 1, "c": 1})
    with pytest.raises(ImageError, match="class 'b' is in only one"):
        open_images(split, 8)


def test_folders_that_are_none_or_unknown(tmp_path: Path) -> None:
    with pytest.raises(ImageError, match=r"There is no folder .*nowhere"):
        open_images(tmp_path / "nowhere", 8)
    with pytest.raises(ImageError, match=r"no known format of images.*CIFAR.*Flowers-102.*Chaoyang.*ImageFolder"):
        open_images(tmp_path, 8)
    archive = tmp_path / "cifar-100-python.tar.gz"
    archive.write_bytes(b"x")
    with pytest.raises(ImageError, match=r"is a file; .*unpack it"):
        open_images(archive, 8)
    with pytest.raises(SpecError, match="is 0 px; give at least 1"):
        open_images(tmp_path, 0)


def test_without_pillow(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SpecError, match=r"pip install 'autoprox\[data\]'"):
        open_images(tmp_path, 8)


def encoded(form: str) -> bytes:
    buffer = io.BytesIO()
    Image.fromarray(pixels(40, 40, 3)).save(buffer, form)
    return buffer.getvalue()


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_broken_images_name_their_file_and_spare_the_others(tmp_path: Path, form: str) -> None:
    folder = write_image_folder(tmp_path, {"a": 4, "b": 4})
    whole = encoded(form)
    data: Dataset = open_images(folder, 8)
    assert isinstance(data.train_images, np.ndarray) is False
    victim = folder / data.train_images.source.names[2]
    for content in (b"", b"no image at all", whole[:9], whole[: len(whole) // 2], whole[: len(whole) // 5]):
        victim.write_bytes(content)
        with pytest.raises(ImageError, match=f"The image {victim} cannot be read"):
            data.train_images[1:4]
        assert data.train_images[:2].shape == (2, 3, 8, 8)
    victim.unlink()
    with pytest.raises(ImageError, match=f"The image {victim} is missing"):
        data.train_images[1:4]


@pytest.mark.parametrize("form", ["PNG", "JPEG", "GIF", "BMP", "TIFF", "WEBP", "PPM"])
def test_damaged_bytes_never_end_in_another_error(tmp_path: Path, form: str) -> None:
    rng = np.random.default_rng(5)
    whole = np.frombuffer(encoded(form), np.uint8)
    files = Files(tmp_path, ("x",))
    for _ in range(60):
        damaged = whole.copy()
        where = rng.integers(0, min(len(whole), rng.choice([60, 400, len(whole)])), 3)
        damaged[where] = rng.integers(0, 256, 3)
        (tmp_path / "x").write_bytes(damaged.tobytes())
        with contextlib.suppress(ImageError):
            assert files.read(0, 8).shape == (3, 8, 8)
