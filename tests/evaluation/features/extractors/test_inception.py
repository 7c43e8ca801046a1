"""Inception against pytorch-fid itself, with random weights; and every way to have no weights."""

import hashlib
import os
import re
import shutil
import socket
import subprocess
import sys

import cleanfid.resize
import numpy as np
import pytest
import torch
import torchvision
from PIL import Image
from pytorch_fid import fid_score
from pytorch_fid import inception as published

from cut.errors import UserError
from cut.evaluation.comparison.scores import feature_scores
from cut.evaluation.features.extraction import FeatureSet, folder_features, image_features, load_extractor
from cut.evaluation.features.extractors import inception as module
from cut.evaluation.features.feature_cache import cache_folder
from cut.measures import MEASURES


@pytest.fixture(scope="module")
def torch_home(tmp_path_factory):
    """A torch cache with the Inception file, of random weights that keep the features alive."""
    home = tmp_path_factory.mktemp("torch")
    file = home / "hub/checkpoints" / module.NAME
    file.parent.mkdir(parents=True)
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(published, "load_state_dict_from_url", lambda *args, **options: None)
        patch.setattr(torchvision.models.Inception3, "load_state_dict", lambda network, weights: None)
        state = published.fid_inception_v3().state_dict()
    generator = torch.Generator().manual_seed(0)
    for name, tensor in state.items():
        if tensor.ndim > 1:
            tensor.normal_(std=(2 / tensor[0].numel()) ** 0.5, generator=generator)
        elif name.endswith(("running_var", "bn.weight")):
            tensor.uniform_(0.75, 1.25, generator=generator)
        elif tensor.is_floating_point():
            tensor.normal_(std=0.1, generator=generator)
    torch.save(state, file)
    yield home
    shutil.rmtree(home)  # 96 MB


@pytest.fixture(scope="module")
def weights(torch_home):
    return torch_home / "hub/checkpoints" / module.NAME


@pytest.fixture(scope="module")
def folders(tmp_path_factory):
    """Two folders of waves, of mixed sizes and kinds."""
    root = tmp_path_factory.mktemp("waves")
    rng = np.random.default_rng(0)
    for side, frequency, count in (("real", 6, 10), ("fake", 12, 8)):
        (root / side).mkdir()
        for number in range(count):
            height, width = rng.integers(40, 120, 2)
            y, x = np.mgrid[:height, :width] / 100
            waves = [127 + 120 * np.sin(frequency * (a * x + b * y) + 6 * c) for a, b, c in rng.random((3, 3))]
            kind, suffix = [("RGB", "png"), ("L", "png"), ("RGBA", "png"), ("RGB", "jpg"), ("P", "png")][number % 5]
            image = Image.fromarray(np.stack(waves, axis=-1).astype(np.uint8)).convert(kind)
            if kind == "RGBA":
                image.putalpha(40)
            image.save(root / side / f"{number}.{suffix}")
    return root


@pytest.fixture
def nobody(monkeypatch, tmp_path):
    """An empty torch cache and no network: whoever tries gets an error at once."""

    def refuse(*arguments, **options):
        raise OSError("Network is unreachable")

    monkeypatch.setenv("TORCH_HOME", str(tmp_path / "torch"))
    monkeypatch.setattr(socket, "create_connection", refuse)
    monkeypatch.setattr(socket.socket, "connect", refuse)


@pytest.fixture
def extractor(weights):
    return load_extractor("inception", inception_weights=str(weights))


def test_features_are_pytorch_fids(extractor, torch_home, folders, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(torch_home))
    files = sorted((folders / "real").iterdir())
    theirs = fid_score.get_activations(files, published.InceptionV3([3]), batch_size=1, num_workers=0)
    ours = folder_features(extractor, folders / "real", batch_size=4).features
    assert ours.std(axis=0).mean() > 0.01  # the random network tells the pictures apart
    np.testing.assert_allclose(ours, theirs, atol=1e-5)


def pytorch_fid(torch_home, *arguments):
    """Run `python -m pytorch_fid` on its torch cache; returns what it printed."""
    command = [sys.executable, "-W", "ignore", "-m", "pytorch_fid", *map(str, arguments)]
    command += ["--batch-size", "1", "--num-workers", "0", "--device", "cpu"]  # mixed sizes need batches of one
    ran = subprocess.run(command, env={**os.environ, "TORCH_HOME": str(torch_home)}, capture_output=True, text=True)
    if "sqrtm() got an unexpected keyword argument" in ran.stderr or "Imaginary component" in ran.stderr:
        pytest.skip("pytorch-fid's own root fails with this SciPy")
    assert ran.returncode == 0, ran.stderr
    return ran.stdout


def test_statistics_are_those_of_python_m_pytorch_fid(extractor, torch_home, folders, tmp_path):
    pytorch_fid(torch_home, "--save-stats", folders / "real", tmp_path / "real.npz")
    theirs = FeatureSet.load(tmp_path / "real.npz")
    real, fake = (folder_features(extractor, folders / side) for side in ("real", "fake"))
    np.testing.assert_allclose(real.mean, theirs.mean, atol=1e-5)
    np.testing.assert_allclose(real.covariance, theirs.covariance, atol=1e-5)
    assert feature_scores(theirs, fake)[0]["frechet"] == pytest.approx(
        feature_scores(real, fake)[0]["frechet"], abs=1e-3
    )


def test_fid_is_pytorch_fids_in_the_space_of_the_images(extractor, folders):
    """There, 18 dimensions instead of 2,048, its root is quick and defined; a rotation changes no distance."""
    real, fake = (folder_features(extractor, folders / side) for side in ("real", "fake"))
    basis, _ = np.linalg.qr(np.concatenate([real.features, fake.features]).T.astype(float))  # (2048, 18)
    ours = feature_scores(real, fake)[0]["frechet"]
    inside = [FeatureSet("Inception", one.features @ basis) for one in (real, fake)]
    offset = 1e-9 * np.eye(basis.shape[1])  # the covariances of 10 and 8 images are singular in 18 dimensions too
    try:
        theirs = fid_score.calculate_frechet_distance(
            *(part for one in inside for part in (one.mean, one.covariance + offset))
        )
    except TypeError:
        pytest.skip("pytorch-fid's own root fails with this SciPy")
    assert theirs > 1 and ours == pytest.approx(theirs, abs=1e-3)


@pytest.mark.skipif("CUT_SLOW_TESTS" not in os.environ, reason="a minute of SciPy's root; CUT_SLOW_TESTS=1 runs it")
def test_fid_is_that_of_python_m_pytorch_fid(extractor, torch_home, folders):
    """And it reads our cached statistics in place of a folder."""
    real, fake = folder_features(extractor, folders / "real"), folder_features(extractor, folders / "fake", keep=False)
    [cached] = cache_folder().iterdir()
    theirs = float(re.search(r"FID:\s+(\S+)", pytorch_fid(torch_home, cached, folders / "fake"))[1])
    assert theirs > 1 and feature_scores(real, fake)[0]["frechet"] == pytest.approx(theirs, abs=1e-3)


def test_a_filled_torch_cache_needs_no_network(nobody, torch_home, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(torch_home))
    one = load_extractor("inception")
    assert (one.title, one.size) == ("Inception", 2048)


def test_a_file_of_weights_needs_no_network_and_says_when_it_is_not_the_published_one(nobody, weights, capsys):
    state = torch.get_rng_state()
    one = load_extractor("inception", inception_weights=str(weights))
    digest = hashlib.sha256(weights.read_bytes()).hexdigest()
    assert digest in one.identity
    said = capsys.readouterr().out
    assert said.count("\n") == 1 and f"SHA-256 {digest[:8]}" in said and "6726825d" in said
    assert torch.equal(torch.get_rng_state(), state)
    assert not any(module.training for module in one.modules())
    assert published.load_state_dict_from_url.__name__ != "<lambda>"  # pytorch-fid is as it was


def test_mixed_sizes_and_batches(extractor):
    rng = np.random.default_rng(0)
    images = [rng.integers(0, 256, size, dtype=np.uint8) for size in ((2, 2, 3), (40, 300, 3), (320, 310))]
    together, alone = image_features(extractor, images), image_features(extractor, images, batch_size=1)
    np.testing.assert_allclose(together, alone, atol=1e-4)


def test_without_network_and_weights_one_sentence_says_what_to_do(nobody, tmp_path):
    with pytest.raises(UserError) as caught:
        load_extractor("inception")
    [sentence] = caught.value.problems
    for word in (module.NAME, str(tmp_path / "torch/hub/checkpoints"), "--inception_weights", "efficientnet_lite0"):
        assert word in sentence
    assert not list((tmp_path / "torch").rglob("*.p*"))


@pytest.mark.parametrize("answer", [b"", b"HTTP/1.0 200 OK\r\nContent-Length: 99\r\n\r\nhalf"])
def test_a_silent_network_is_given_up(answer, tmp_path, monkeypatch):
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    monkeypatch.setenv("no_proxy", "*")
    monkeypatch.setattr(module, "_SILENCE", 0.2)
    with socket.create_server(("127.0.0.1", 0)) as server:
        monkeypatch.setattr(published, "FID_WEIGHTS_URL", f"http://127.0.0.1:{server.getsockname()[1]}/{module.NAME}")
        if answer:
            monkeypatch.setattr(module, "_SILENCE", 5.0)
            _answer_once(server, answer)
        with pytest.raises(UserError, match="could not be downloaded"):
            load_extractor("inception")
    assert socket.getdefaulttimeout() is None
    assert not (tmp_path / "hub/checkpoints" / module.NAME).exists()


def test_damaged_weights_are_named_with_their_hash(weights, tmp_path, monkeypatch):
    file = tmp_path / "hub/checkpoints" / module.NAME
    file.parent.mkdir(parents=True)
    file.write_bytes(weights.read_bytes()[:1_000_000])
    digest = hashlib.sha256(file.read_bytes()).hexdigest()
    monkeypatch.setenv("TORCH_HOME", str(tmp_path))
    with pytest.raises(UserError, match=f"{re.escape(str(file))} .*SHA-256 {digest}.*delete it"):
        load_extractor("inception")
    with pytest.raises(UserError, match=f"SHA-256 {digest}.*get {module.NAME}"):
        load_extractor("inception", inception_weights=str(file))


def test_weights_of_something_else_are_refused(tmp_path):
    file = tmp_path / "other.pth"
    with pytest.raises(UserError, match=r"no weight file .*other\.pth; get pt_inception"):
        load_extractor("inception", inception_weights=str(file))
    for content in ({"weight": torch.zeros(3)}, [1, 2], {"weight": torch.tensor(float("nan"))}):
        torch.save(content, file)
        with pytest.raises(UserError, match=r"other\.pth .*SHA-256 [0-9a-f]{64}") as caught:
            load_extractor("inception", inception_weights=str(file))
        assert len(caught.value.problems) == 1


def _answer_once(server, answer):
    """Let the next connection hear half an answer, in a thread of its own."""
    import threading

    def serve():
        connection, _address = server.accept()
        with connection:
            connection.recv(1000)
            connection.sendall(answer)

    threading.Thread(target=serve, daemon=True).start()


def test_clean_fids_resizing_is_its_packages(weights):
    """Pictures of any size are resized as `cleanfid.resize` does it, and normalised as its network's input."""
    extractor = load_extractor("inception_clean", inception_weights=str(weights))
    resizer = cleanfid.resize.build_resizer("clean")
    rng = np.random.default_rng(3)
    for height, width in ((64, 48), (299, 299), (500, 620)):
        picture = rng.integers(0, 256, (height, width, 3), dtype=np.uint8)
        prepared = extractor.prepare(torch.from_numpy(picture).permute(2, 0, 1)[None].float() / 255)
        published_input = torch.from_numpy(resizer(picture)).permute(2, 0, 1)[None]
        torch.testing.assert_close(prepared, (published_input - 128) / 128, rtol=0, atol=1e-5)


def test_clean_features_are_those_of_the_same_network_and_have_another_name(weights):
    clean, usual = (load_extractor(name, inception_weights=str(weights)) for name in ("inception_clean", "inception"))
    picture = np.random.default_rng(4).integers(0, 256, (299, 299, 3), dtype=np.uint8)  # which neither resizes
    x = torch.from_numpy(picture).permute(2, 0, 1)[None].float()
    with torch.no_grad():
        expected = usual.describe((((x - 128) / 128) + 1) / 2)
        torch.testing.assert_close(clean(x / 255), expected, rtol=1e-3, atol=1e-4)
    assert MEASURES["frechet"].label_with(clean.title) == "FID (clean)"
    assert MEASURES["kernel"].label_with(clean.title) == "KID (clean)" and clean.identity != usual.identity


def test_sifid_has_the_features_before_the_first_pooling(weights):
    extractor = load_extractor("inception", inception_weights=str(weights))
    images = torch.rand(1, 3, 32, 40, generator=torch.Generator().manual_seed(0))
    with torch.no_grad():
        maps = extractor.local(images)
        first = extractor.network.blocks[0](2 * images - 1)
    torch.testing.assert_close(torch.nn.functional.max_pool2d(maps, 3, 2), first)
    assert maps.shape[1] == 64
