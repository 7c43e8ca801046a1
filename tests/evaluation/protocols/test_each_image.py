"""Reading, translating and writing at the same time: order, what memory holds, and images together."""

import threading
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
import pytest
from PIL import Image

from cut.data.images import to_8bit
from cut.errors import RunFailed
from cut.evaluation.protocols import each_image
from cut.evaluation.protocols.each_image import for_each_image
from cut.evaluation.protocols.own_images import OwnImages, translate_files
from cut.evaluation.translate.trained import load_translator
from tests.evaluation.tiny_run import write_image

SIZES = {"a.png": (24, 20), "b.png": (24, 20), "c.png": (24, 20), "d.png": (17, 20), "e.png": (24, 20)}


@pytest.fixture
def images(workplace):
    """Images in folder `in`, and what `for_each_image` needs for them."""
    for seed, (name, size) in enumerate(SIZES.items()):
        write_image(Path("in") / name, size, seed)

    def make(*arguments):
        options = workplace("--input", "in", "--output", "out", *arguments)
        return options, OwnImages(options, Path("in"), tuple(sorted(Path("in").iterdir())))

    return make


def read(folder):
    return {file.name: np.asarray(Image.open(file)).astype(int) for file in sorted(Path(folder).iterdir())}


def spoil(name):
    content = Path(name).read_bytes()
    Path(name).write_bytes(content[:200] + bytes(100) + content[300:])


def test_results_do_not_depend_on_threads_or_on_images_together(images, workplace, capsys):
    alone = ["--input", "in", "--output", "alone", "--num_threads", "0"]
    together = ["--input", "in", "--output", "together", "--num_threads", "3", "--test_batch_size", "2"]
    images()
    assert translate_files(workplace(*alone)) == translate_files(workplace(*together)) == 0
    one, other = read("alone"), read("together")
    assert list(one) == list(other) == list(SIZES)
    assert all(np.abs(one[name] - other[name]).max() <= 1 for name in one)
    assert capsys.readouterr().out.count("5 of 5 images translated") == 2


def test_images_that_follow_each_other_in_one_size_are_together(images):
    options, dataset = images("--test_batch_size", "2")
    translate, batches = load_translator(options), []
    translate.generator.register_forward_pre_hook(lambda _, inputs: batches.append(tuple(inputs[0].shape)))
    translate(dataset[1, 0].source)  # so that it knows that there are no random draws
    for_each_image(options, dataset, 5, translate, lambda *_: None)
    assert [shape[0] for shape in batches[1:]] == [2, 1, 1, 1]


def test_saving_does_not_hold_up_translating_and_keeps_the_order(images):
    """The first image is only saved once the third one is: were they saved one by one, it would wait for ever."""
    options, dataset = images("--num_threads", "3")
    third = threading.Event()

    def save(index, sample, translation):
        if index == 2:
            third.set()
        return index if third.wait(60) else "it never came"

    assert for_each_image(options, dataset, 5, load_translator(options), save).saved == [0, 1, 2, 3, 4]


def test_translations_go_with_their_samples(images):
    options, dataset = images()
    translate = load_translator(options)
    saved = for_each_image(options, dataset, 5, translate, lambda *one: one).saved
    for index, sample, translation in saved:
        assert sample.source_path == str(dataset.source.files[index])
        assert np.array_equal(to_8bit(translation), to_8bit(translate(sample.source)))


@pytest.mark.parametrize(("pixels", "expected"), [(1, 4), (each_image.MOST_PIXELS, 2), (2 * each_image.MOST_PIXELS, 1)])
def test_few_images_are_begun_before_they_are_needed(pixels, expected):
    begun = []

    def items():
        for number in range(9):
            begun.append(number)
            yield number

    with ThreadPoolExecutor(2) as pool:
        results = each_image._ahead(pool, lambda number: 10 * number, items(), lambda _: pixels, most=3)
        assert next(results) == 0 and len(begun) == expected
        assert list(results) == [10 * number for number in range(1, 9)]


def test_what_came_before_a_damaged_image_is_translated_when_strict(images):
    images()
    spoil("in/c.png")
    options, dataset = images("--strict", "--test_batch_size", "4")
    saved = []
    with pytest.raises(RunFailed, match="c.png is damaged"):
        for_each_image(options, dataset, 5, load_translator(options), lambda index, *_: saved.append(index))
    assert sorted(saved) == [0, 1]


def test_a_damaged_image_does_not_stop_those_it_would_have_been_with(images):
    images()
    spoil("in/b.png")
    options, dataset = images("--test_batch_size", "4")
    outcome = for_each_image(options, dataset, 5, load_translator(options), lambda index, *_: index)
    assert outcome.saved == [0, 2, 3, 4] and outcome.done == 4
    assert len(outcome.failures) == 1 and "in/b.png" in outcome.failures[0]
