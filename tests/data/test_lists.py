"""Lists of images: text, CSV with splits and groups, globs."""

import pytest

from cut.data.lists import listed
from cut.data.loader import make_dataset
from cut.errors import UserError
from cut.options import test_options

WAY = ("--preprocess", "none", "--no_flip")


@pytest.fixture
def root(make_images):
    return make_images({"A": 6, "B": 4}, size=(24, 20))


def names(dataset):
    return [[file.name for file in side.files] for side in (dataset.source, dataset.target)]


def write(path, text):
    path.write_text(text)
    return str(path)


def test_a_text_list_is_relative_to_itself_and_keeps_its_order(root, train):
    place = write(root / "a.txt", "# chosen\nA/003.png\n\nA/001.png\n")
    dataset = make_dataset(train(root, *WAY, "--dataroot_A", place, "--dataroot_B", str(root / "B")))
    assert names(dataset)[0] == ["003.png", "001.png"] and len(dataset.target.files) == 4


def test_a_glob_is_sorted(root, train):
    words = ("--dataroot_A", str(root / "A/00[0-2].png"), "--dataroot_B", str(root / "**/003.png"))
    assert names(make_dataset(train(root, *WAY, *words)))[0] == ["000.png", "001.png", "002.png"]
    with pytest.raises(UserError, match="No file matches .*x.png: check the pattern, and put it in quotes"):
        make_dataset(train(root, *WAY, *words[:3], str(root / "*x.png")))


def test_rows_of_a_csv_say_their_split(root, train):
    rows = "".join(f"A/{number:03}.png,p{number},{split}\n" for number, split in enumerate(["train"] * 4 + ["val"] * 2))
    place = write(root / "a.csv", "Path,group,split\n" + rows)
    words = (*WAY, "--dataroot_A", place, "--dataroot_B", str(root / "B"))
    dataset = make_dataset(train(root, *words))
    assert len(dataset.source.files) == 4 and len(dataset.split("val")[0].files) == 2
    assert [len(side.files) for side in dataset.split("val")] == [2, 0]  # of B there is no val
    testing = make_dataset(test_options(["--name", "x", "--checkpoints_dir", str(root), *words[3:]]))
    assert len(testing.source.files) == 2  # phase test falls back to val


@pytest.mark.parametrize(
    ("text", "problem"),
    [
        ("path\nA/000.png\nA/9.png\n", "1 of 2 files of .*a.csv are missing: .*9.png"),
        ("path\nA/000.png\nA/000.png\n", "names 1 files twice"),
        ("path\n", "has no rows below its heading"),
        ("path,split\n,train\n", "names no file in line 2: fill the column path"),
        ("path,split\nA/000.png,val\n", "names no images of train"),
        ("path,split,group\nA/000.png,val,p1\nA/001.png,train,p1\n", r"p1 \(train, val\): each of these groups of"),
    ],
)
def test_lists_that_are_wrong(root, train, text, problem):
    place = write(root / "a.csv", text)
    with pytest.raises(UserError, match=problem):
        make_dataset(train(root, *WAY, "--dataroot_A", place, "--dataroot_B", str(root / "B")))


def test_a_patient_on_both_sides_of_train_and_val_is_refused(root, train):
    a = write(root / "a.csv", "path,split,group\nA/000.png,train,p1\nA/001.png,val,p2\n")
    b = write(root / "b.csv", "path,split,group\nB/000.png,train,p2\nB/001.png,val,p3\n")
    with pytest.raises(UserError, match=r"p2 \(train, val\)"):
        make_dataset(train(root, *WAY, "--dataroot_A", a, "--dataroot_B", b))


def test_folders_are_no_lists(root):
    assert listed(root / "A") is None


def test_absolute_and_relative_names_in_one_list(root, train):
    place = write(root / "a.txt", f"A/000.png\n{root.absolute() / 'A' / '001.png'}\n")
    dataset = make_dataset(train(root, *WAY, "--dataroot_A", place, "--dataroot_B", str(root / "B")))
    assert names(dataset)[0] == ["000.png", "001.png"]


def test_a_list_in_another_encoding(root, train):
    (root / "a.csv").write_bytes("path,r\u00e9gion\nA/000.png,x\n".encode("latin-1"))
    with pytest.raises(UserError, match="a.csv cannot be read .*: save it as text in UTF-8"):
        make_dataset(train(root, *WAY, "--dataroot_A", str(root / "a.csv"), "--dataroot_B", str(root / "B")))
