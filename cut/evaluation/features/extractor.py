"""What a feature extractor offers."""

from torch import Tensor, nn

from cut.errors import UserError


class Extractor(nn.Module):
    """A pretrained network that turns an image into a vector; in eval mode, and its weights get no gradient.

    A new one is a file in `cut/evaluation/features/extractors/` that registers a function which makes it. It takes the
    options that its signature names: `weights`, the file that the user gave (`--inception_weights`), or nothing.

    Args:
        title: the name of the network in tables and logs. Only with "Inception" are the distances called FID and KID.
        size: features of an image.
        identity: what the features depend on besides the image: a hash of the weights, and the preprocessing in words.
        network: whose weights these are.
    """

    def __init__(self, title: str, size: int, identity: str, network: nn.Module) -> None:
        super().__init__()
        self.title = title
        self.size = size
        self.identity = identity
        self.network = network.requires_grad_(False)
        self.eval()

    def prepare(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1], any H and W → the network's input, of one size for all images."""
        raise NotImplementedError

    def describe(self, prepared: Tensor) -> Tensor:
        """Prepared images → (B, size) features, float32."""
        raise NotImplementedError

    def local(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1] → (B, C, h, w): early features, which show texture, at every place of the images.

        Raises:
            UserError: when this network has none that are suited.
        """
        raise UserError(f"{self.title} has no features for SIFID: use --feature_extractor inception.")

    def forward(self, images: Tensor) -> Tensor:
        """(B, 3, H, W) in [0, 1], any H and W → (B, size) features, float32."""
        return self.describe(self.prepare(images))
