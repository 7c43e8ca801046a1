"""Images → features: any mix of sizes and kinds, whatever the batches, and no side effects."""

import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import torch
from PIL import Image

import cut
from cut.errors import UserError
from cut.evaluation.features.extraction import folder_features, image_features, image_set, load_extractor
from tests.evaluation.features.tiny_extractor import Quarters, write_pictures


def pictures(count=7, seed=0):
    rng = np.random.default_rng(seed)
    return [rng.integers(0, 256, (8 + 3 * i, 20 - i, 3), dtype=np.uint8) for i in range(count)]


def test_features_are_those_of_each_image_alone():
    features = image_features(Quarters(), pictures(), batch_size=3)
    assert features.shape == (7, 12) and features.dtype == np.float32
    for image, feature in zip(pictures(), features, strict=True):
        top, left = image.shape[0] // 2, image.shape[1] // 2
        if image.shape[0] % 2 == image.shape[1] % 2 == 0:  # then the quarters are exact
            np.testing.assert_allclose(feature[0::4], image[:top, :left].mean((0, 1)) / 255, rtol=1e-5)
            np.testing.assert_allclose(feature[3::4], image[top:, left:].mean((0, 1)) / 255, rtol=1e-5)


@pytest.mark.parametrize("batch_size", [1, 2, 7, 100])
def test_the_batch_size_is_irrelevant(batch_size):
    np.testing.assert_array_equal(
        image_features(Quarters(), pictures(), batch_size), image_features(Quarters(), pictures())
    )


def test_arrays_and_pillow_images_and_gray_ones_are_the_same():
    gray = np.arange(64, dtype=np.uint8).reshape(8, 8)
    colour = np.stack([gray] * 3, axis=-1)
    alpha = Image.fromarray(np.dstack([colour, gray]))
    kinds = [gray, colour, Image.fromarray(gray), Image.fromarray(colour), alpha, Image.fromarray(gray).convert("F")]
    features = image_features(Quarters(), kinds)
    np.testing.assert_array_equal(features, features[:1].repeat(len(kinds), axis=0))


def test_no_images_have_no_features():
    assert image_features(Quarters(), []).shape == (0, 12)


def test_a_set_knows_its_images():
    one = image_set(Quarters(), pictures(), content="abc")
    assert (one.title, one.count, one.sizes, one.content) == ("Quarters", 7, "mixed, 20×8 to 14×26", "abc")
    assert image_set(Quarters(), [Image.new("RGB", (30, 20))] * 2).sizes == "30×20"


def test_a_folder_is_read_with_its_sub_folders_and_as_stored(tmp_path):
    write_pictures(tmp_path / "real", 2)
    write_pictures(tmp_path / "real/sub", 1, seed=5)
    Image.new("RGB", (10, 10), "red").save(tmp_path / "real/z.webp", lossless=True)
    exif = Image.Exif()
    exif[0x0112] = 6  # to be turned, which pytorch-fid does not
    half = np.zeros((8, 8, 4), np.uint8)
    half[:4] = 255, 0, 0, 0  # transparent red, which pytorch-fid sees
    Image.fromarray(half).save(tmp_path / "real/zz.png", exif=exif)
    found = folder_features(Quarters(), tmp_path / "real")
    assert found.count == 5
    assert found.features[-1, :4].tolist() == [1, 1, 0, 0]
    assert folder_features(Quarters(), tmp_path / "real", limit=2).count == 2


def test_sixteen_bits_are_not_white(tmp_path):
    for number in range(2):
        Image.fromarray(np.full((4, 4), 257 * 51, np.uint16)).save(tmp_path / f"{number}.png")
    np.testing.assert_allclose(folder_features(Quarters(), tmp_path).features, 51 / 255, rtol=1e-6)


def test_statistics_take_the_place_of_a_folder(tmp_path):
    write_pictures(tmp_path / "real", 3)
    made = folder_features(Quarters(), tmp_path / "real")
    made.save(tmp_path / "real.npz")
    assert (folder_features(Quarters(), tmp_path / "real.npz").features == made.features).all()


def test_bad_folders_are_named(tmp_path):
    with pytest.raises(UserError, match="There is no folder .*none"):
        folder_features(Quarters(), tmp_path / "none")
    with pytest.raises(UserError, match="holds no images"):
        folder_features(Quarters(), tmp_path)
    write_pictures(tmp_path, 1)
    with pytest.raises(UserError, match=r"only one image, 0\.png: .* at least two"):
        folder_features(Quarters(), tmp_path)
    (tmp_path / "1.png").write_bytes(b"no image")
    with pytest.raises(UserError, match=r"1\.png is not an image"):
        folder_features(Quarters(), tmp_path)


def test_an_unknown_extractor_is_refused_with_the_names():
    with pytest.raises(UserError, match="--feature_extractor takes dinov2, efficientnet_lite0, inception"):
        load_extractor("inceptoin")


def test_loading_and_measuring_draw_no_random_numbers():
    state = torch.get_rng_state()
    image_features(load_extractor("efficientnet_lite0"), pictures(2))
    assert torch.equal(torch.get_rng_state(), state)


def test_importing_cut_imports_no_extractor():
    heavy = {"torchvision", "pytorch_fid", "efficientnet_lite_pytorch", "scipy"}
    code = f"import cut, sys; print({heavy} & set(sys.modules))"
    root = Path(cut.__file__).parents[1]
    assert subprocess.check_output([sys.executable, "-c", code], text=True, cwd=root).strip() == "set()"
