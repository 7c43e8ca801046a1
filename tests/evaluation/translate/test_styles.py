"""Translators whose generator has many translations of an image."""

import pytest
import torch

from cut.evaluation.translate.norm_statistics import fixed_norms, norm_statistics
from cut.evaluation.translate.translator import Translator
from cut.networks.drit import AttributeTransfer, ConcatGenerator, ContentEncoder, GaussianAttributeEncoder
from cut.networks.munit import StyleAutoEncoder, StyleTransfer


def munit(translations):
    domains = (StyleAutoEncoder(dim=2, style_dim=3, mlp_dim=8, n_res=1) for _ in "AB")
    return StyleTransfer(*domains, translations=translations)


def drit(translations):
    networks = ContentEncoder(width=2), ConcatGenerator(width=2), GaussianAttributeEncoder(width=2)
    return AttributeTransfer(*networks, ("A", "B"), translations=translations)


@pytest.fixture(params=[munit, drit], ids=lambda make: make.__name__)
def make(request):
    torch.manual_seed(0)
    return request.param


def test_every_picture_has_a_style_of_its_own_whatever_was_translated_before(make):
    generator = make(1)
    drawn = []
    plain = generator.styles
    generator.styles = lambda seed: drawn.append(seed) or plain(seed)
    translate, one, other = Translator(generator, seed=7), *torch.rand(2, 3, 30, 26)
    first = translate(one)
    translate(other)
    assert torch.equal(translate(one), first) and first.shape == one.shape
    assert drawn[0] == drawn[2] != drawn[1]
    assert not torch.equal(Translator(generator, seed=8)(one), first)


@torch.no_grad()
def test_tiles_of_every_style_agree_with_the_whole_picture_under_its_statistics(make):
    """Beyond its context nothing of the edge is left; MUNIT's layer norm differs a little, by Bessel's correction."""
    generator = make(2).double()
    context = generator.context // 4 * 4
    image = torch.rand(1, 3, 2 * context + 64, 2 * context + 64, dtype=torch.float64)
    whole = generator.translate_window(image, 5)
    with fixed_norms(generator, norm_statistics(generator, lambda: generator.translate_window(image, 5))):
        tile = generator.translate_window(image[..., 32:, 32:], 5, (32, 32))
    torch.testing.assert_close(
        tile[..., context:, context:], whole[..., 32 + context :, 32 + context :], rtol=0, atol=5e-5
    )
    assert not torch.allclose(tile[..., :8, :8], whole[..., 32:40, 32:40], atol=1e-3)
