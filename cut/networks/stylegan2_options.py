"""Options of the StyleGAN2-style networks."""

from dataclasses import dataclass

from cut.options import between, option


@dataclass(frozen=True)
class StyleGAN2GeneratorOptions:
    """Options of the StyleGAN2-style generators."""

    stylegan2_G_num_downsampling: int = option(
        1, "how often the StyleGAN2-style generators halve the image before the residual blocks", check=between(1, 2)
    )


@dataclass(frozen=True)
class TileDiscriminatorOptions:
    """Options of the discriminator of tiles."""

    D_patch_size: int = option(64, "side in pixels of the tiles that netD tilestylegan2 judges, a power of two")
