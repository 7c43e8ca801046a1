"""Networks: tensors → tensors. What is declared here is imported only when it is built."""

from cut.networks.stylegan2_options import StyleGAN2GeneratorOptions, TileDiscriminatorOptions
from cut.registry import DISCRIMINATORS, GENERATORS, HEADS

GENERATORS.declare("cut.networks.resnet", "resnet_9blocks", "resnet_6blocks", "resnet_4blocks")
GENERATORS.declare("cut.networks.unet", "unet_256", "unet_128")
GENERATORS.declare("cut.networks.zero_padded_resnet", "resnet_9blocks_zero_pad", "resnet_6blocks_zero_pad")
GENERATORS.declare("cut.networks.stylegan2_generator", "stylegan2", "smallstylegan2", options=StyleGAN2GeneratorOptions)
DISCRIMINATORS.declare("cut.networks.patchgan", "basic", "n_layers", "pixel")
DISCRIMINATORS.declare("cut.networks.stylegan2_discriminator", "stylegan2")
DISCRIMINATORS.declare("cut.networks.stylegan2_discriminator", "tilestylegan2", options=TileDiscriminatorOptions)
HEADS.declare("cut.networks.heads", "mlp_sample", "sample")
