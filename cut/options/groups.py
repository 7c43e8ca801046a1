"""The options that methods share, one dataclass per concern (some in outputs.py).

The defaults here are those of training CUT; `test=` is the default of test.py where it differs. Names and defaults are
the published ones; docs/differences.md lists the few that differ and why.
"""

from dataclasses import dataclass
from pathlib import Path

from cut.options.formats import FormatOptions
from cut.options.machinery.declare import (
    Count,
    at_least,
    at_least_and_below,
    between,
    finite_at_least,
    option,
    positive,
)
from cut.options.machinery.words import (
    AUGMENTATION_WORDS,
    PREPROCESS_WORDS,
    augmentation_words,
    color,
    file_name,
    gpu_choice,
    preprocess_words,
)
from cut.options.outputs import CheckpointOptions, EvaluationOptions, MonitoringOptions, TestingOptions
from cut.registry import DATASETS, DISCRIMINATORS, GAN_LOSSES, GENERATORS, MODELS

NORMS = ("instance", "affine_instance", "batch", "layer", "group", "none")  # made by cut/networks/norm.py
LARGEST_SIDE = 16_384
"""Pixels of an image's side: larger ones would fill the memory of every process that loads them."""


@dataclass(frozen=True)
class RunOptions:
    """Which run this is."""

    model: str = option("cut", "the method", choices=MODELS.names, also=MODELS.also, fixed=True, from_training=True)
    name: str = option("experiment_name", "name of the run: its folder in checkpoints_dir", check=file_name)
    easy_label: str = option("experiment_name", "a readable name, shown on pages and plots")
    suffix: str = option("", "added to the name, with options filled in: {model}_{netG}_size{load_size}")
    checkpoints_dir: str = option("./checkpoints", "folder of the runs")
    phase: str = option("train", "read the images in {phase}A and {phase}B of dataroot", test="test", check=file_name)
    epoch: str = option(
        "latest", "which saved weights to load: latest, best, an epoch, or iter_N of --save_by_iter", check=file_name
    )
    gpu_ids: str = option(
        "auto", "auto: GPU 0 if there is one, else the CPU; -1: the CPU; N: that GPU", check=gpu_choice
    )
    precision: str = option(
        "float32",
        "numbers the networks compute in: float32; bf16 (bfloat16, weights and losses in float32: several times as "
        "fast on a CPU with AMX, slower on one without); tf32 (GPUs only)",
        choices=("float32", "tf32", "bf16"),
    )
    layout: str = option(
        "auto",
        "how images lie in memory: contiguous, channels_last, or the faster one of them (auto)",
        choices=("auto", "contiguous", "channels_last"),
    )
    convolutions: str = option(
        "auto",
        "how a CPU computes large 3×3 convolutions of the ResNet generators in float32 training: auto, with fewer "
        "products and as exact a result (Winograd's minimal filtering); direct, as PyTorch does",
        choices=("auto", "direct"),
        phase="train",
    )
    threads: int = option(
        0,
        "processor threads that compute; 0: one for each core. On a machine with other work fewer are faster; "
        "sums are rounded differently with another number",
        check=at_least(0),
    )
    tune_threads: bool = option(
        False,
        "on a CPU, measure in the first seconds how many threads (at most --threads) are fastest, and compute with so "
        "many, also when the run is continued",
        phase="train",
        flag=True,
    )
    compile: bool = option(
        False,
        "compile parts of the networks (torch.compile); checked against the first step without, and off if it differs",
        phase="train",
        flag=True,
    )
    cuda_graphs: bool = option(
        False,
        "record a step of CUT or SinCUT once and start it as one (CUDA graphs; not yet run on a GPU); checked against "
        "the first steps without, and off if they differ",
        phase="train",
        flag=True,
    )
    seed: int = option(
        0, "seed of every random draw, independent of the number of workers", check=between(0, 2**63 - 1), fixed=True
    )
    verbose: bool = option(False, "print the networks", flag=True)

    @property
    def folder(self) -> Path:
        """Where the run keeps its weights, options and logs."""
        return Path(self.checkpoints_dir) / self.name


@dataclass(frozen=True)
class DataOptions:
    """Which images are read, and what is done to them."""

    dataroot: str = option("placeholder", "folder that holds trainA, trainB, testA, …", from_training=True)
    dataset_mode: str = option(
        "unaligned",
        "how the images of a sample are chosen: unaligned, from two folders; aligned, pairs, side by side in one file "
        "or of equal names in two folders; single, from one folder; singleimage, patches of two pictures",
        choices=DATASETS.names,
        fixed=True,
        from_training=True,
    )
    direction: str = option(
        "AtoB", "which domain is translated into which", choices=("AtoB", "BtoA"), fixed=True, from_training=True
    )
    input_nc: int = option(
        3,
        "channels of the images to translate: 3 for colour, 1 for grayscale, N for bands",
        check=at_least(1),
        fixed=True,
        from_training=True,
    )
    output_nc: int = option(
        3,
        "channels of the translated images: 3 for colour, 1 for grayscale, N for bands",
        check=at_least(1),
        fixed=True,
        from_training=True,
    )
    batch_size: int = option(1, "images in one step, of all processes together", check=at_least(1), fixed=True)
    load_size: int = option(
        286, "size in pixels that images are scaled to", test=256, check=between(1, LARGEST_SIDE), fixed=True
    )
    crop_size: int = option(
        256, "side in pixels of the square that is then cropped", check=between(1, LARGEST_SIDE), fixed=True
    )
    max_dataset_size: Count = option(
        float("inf"), "use the first N images of each side, and end an epoch after N", check=at_least(1), fixed=True
    )
    preprocess: str = option(
        "resize_and_crop",
        "what is done to an image: none, or words joined by _and_: " + ", ".join(PREPROCESS_WORDS),
        check=preprocess_words,
        fixed=True,
    )
    no_flip: bool = option(False, "do not flip images left-right at random", flag=True, fixed=True)
    jitter_while_decaying: bool = option(
        False,
        "keep scaling to load_size while the learning rate decays, instead of to crop_size",
        phase="train",
        fixed=True,
    )
    serial_batches: bool = option(False, "read both sides in the order of their names", flag=True, fixed=True)
    num_threads: int = option(
        4,
        "processes that load images; 0 loads them in the main process. In test.py: threads that read and write images",
        check=at_least(0),
    )
    random_scale_max: float = option(
        3.0,
        "zoom shrinks each side by a random factor of at most this (single-image training)",
        check=finite_at_least(1),
        fixed=True,
    )
    verify_images: bool = option(False, "decode every image before the first step, not only its header", flag=True)
    alpha_background: str = option(
        "white", "colour behind transparent pixels: a name or #rrggbb", check=color, fixed=True
    )


@dataclass(frozen=True)
class NetworkOptions:
    """Which generator is trained, how large it is, and its initial weights."""

    netG: str = option(
        "resnet_9blocks",
        "generator",
        choices=GENERATORS.names,
        unusable=("resnet_cat",),
        fixed=True,
        from_training=True,
    )
    ngf: int = option(64, "channels of the generator's first layer", check=at_least(1), fixed=True, from_training=True)
    normG: str = option(
        "instance",
        "normalisation in the generator; layer and group let it see the level of an image, instance does not",
        choices=NORMS,
        fixed=True,
        from_training=True,
    )
    no_dropout: bool = option(True, "false: dropout 0.5 in the generator's blocks", fixed=True, from_training=True)
    no_antialias: bool = option(
        False,
        "strided convolutions instead of blurred downsampling, in generator and discriminator",
        flag=True,
        fixed=True,
        from_training=True,
    )
    residual: bool = option(
        False,
        "the generator learns the change: the image is added to its output before tanh, and it starts as the identity",
        flag=True,
        fixed=True,
        from_training=True,
    )
    checkpoint_blocks: bool = option(
        False,
        "keep no feature maps of the generator's residual blocks, and compute them again in the backward pass: less "
        "memory for large crops, a third more time",
        phase="train",
        flag=True,
    )
    no_antialias_up: bool = option(
        False,
        "transposed convolutions instead of blurred upsampling in the generator",
        flag=True,
        fixed=True,
        from_training=True,
    )
    init_type: str = option(
        "xavier",
        "distribution of the initial weights",
        choices=("normal", "xavier", "kaiming", "orthogonal"),
        fixed=True,
    )
    init_gain: float = option(0.02, "scale of the initial weights", check=positive(), fixed=True)


@dataclass(frozen=True)
class DiscriminatorOptions:
    """Which discriminator judges the translations, and by which loss."""

    netD: str = option(
        "basic",
        "discriminator; basic is a PatchGAN of three layers",
        choices=DISCRIMINATORS.names,
        unusable=("patch",),
        fixed=True,
    )
    ndf: int = option(64, "channels of the discriminator's first layer", check=at_least(1), fixed=True)
    normD: str = option("instance", "normalisation in the discriminator", choices=NORMS, fixed=True)
    n_layers_D: int = option(3, "layers of --netD n_layers", check=at_least(1), fixed=True)
    gan_mode: str = option("lsgan", "GAN loss", phase="train", choices=GAN_LOSSES.names, fixed=True)
    lambda_R1: float = option(
        0.0, "weight of the R1 penalty on the discriminator's gradient at real images", check=finite_at_least(0)
    )
    R1_every: int = option(
        1, "take the R1 penalty in every N-th step, with N times the weight", phase="train", check=at_least(1)
    )
    spectral_norm: bool = option(
        False, "divide the discriminator's weights by their largest singular value", flag=True, fixed=True
    )
    diffaugment: str = option(
        "none",
        "random changes to all images that the discriminator sees: none, or some of " + ",".join(AUGMENTATION_WORDS),
        phase="train",
        check=augmentation_words,
        fixed=True,
    )

    @property
    def augmentations(self) -> tuple[str, ...]:
        """`diffaugment` as words, in the order given."""
        return () if self.diffaugment == "none" else tuple(self.diffaugment.split(","))


@dataclass(frozen=True)
class TrainingOptions:
    """The length of training and its learning rate."""

    n_epochs: int = option(200, "epochs at the initial learning rate", phase="train", check=at_least(0))
    n_epochs_decay: int = option(200, "epochs over which it then falls to zero", phase="train", check=at_least(0))
    epoch_count: int = option(1, "number of the first epoch", phase="train", check=at_least(1), fixed=True)
    lr: float = option(0.0002, "learning rate of Adam", phase="train", check=positive())
    beta1: float = option(0.5, "first-moment decay of Adam", phase="train", check=at_least_and_below(0, 1), fixed=True)
    beta2: float = option(
        0.999, "second-moment decay of Adam", phase="train", check=at_least_and_below(0, 1), fixed=True
    )
    ema_decay: float = option(
        0.0,
        "keep a moving average of the generators' weights too, of this decay per step (0.999); 0: none",
        phase="train",
        check=at_least_and_below(0, 1),
        fixed=True,
    )
    lr_policy: str = option(
        "linear",
        "how the learning rate falls: linear: to 0 over n_epochs_decay; step: times 0.1 every lr_decay_iters epochs; "
        "plateau: times 0.2 after more than 5 epochs without a loss that is 1 % smaller; cosine: to 0 over n_epochs",
        phase="train",
        choices=("linear", "step", "plateau", "cosine"),
    )
    lr_decay_iters: int = option(50, "epochs between the falls of --lr_policy step", phase="train", check=at_least(1))


GROUPS: dict[str, type] = {
    "run": RunOptions,
    "data": DataOptions,
    "formats": FormatOptions,
    "networks": NetworkOptions,
    "discriminator": DiscriminatorOptions,
    "training": TrainingOptions,
    "checkpoints": CheckpointOptions,
    "evaluation": EvaluationOptions,
    "monitoring": MonitoringOptions,
    "testing": TestingOptions,
}
"""The groups by the attribute of `Options` that holds them. A method may do without some (`Entry.without`)."""
