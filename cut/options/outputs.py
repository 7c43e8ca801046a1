"""Options of a run's outputs: checkpoints, measures, monitoring, and the results of test.py."""

from dataclasses import dataclass

from cut.measures import MEASURES
from cut.options.machinery.declare import Count, at_least, between, option
from cut.options.machinery.words import file_name
from cut.registry import EXTRACTORS


@dataclass(frozen=True)
class CheckpointOptions:
    """Which checkpoints are saved, and what a run starts from. Frequencies count images, not steps."""

    save_latest_freq: int = option(
        5000, "save the latest state every N images; 0: never", phase="train", check=at_least(0)
    )
    save_epoch_freq: int = option(5, "keep the weights every N epochs; 0: never", phase="train", check=at_least(0))
    save_by_iter: bool = option(False, "keep the weights of every save of the latest state", phase="train", flag=True)
    continue_train: bool = option(False, "continue the run exactly where its last save was", phase="train", flag=True)
    pretrained_name: str | None = option(
        None, "start a new run from the weights of the run of this name", phase="train", check=file_name, fixed=True
    )


@dataclass(frozen=True)
class EvaluationOptions:
    """How translations of held-out images are measured during training; nothing here changes what is trained."""

    evaluation_epoch_freq: int = option(
        5, "measure translations of the val (else test) images every N epochs; 0: never", phase="train",
        check=at_least(0),
    )  # fmt: skip
    evaluation_images: Count = option(
        float("inf"), "measure on the first N held-out images of each side", phase="train", check=at_least(2)
    )
    feature_extractor: str = option(
        "inception",
        "network whose features FID and KID compare: inception resizes as pytorch-fid, inception_clean as clean-fid; "
        "efficientnet_lite0 needs no download, and its distance is not FID",
        phase="train",
        choices=EXTRACTORS.names,
    )
    inception_weights: str | None = option(
        None, "file of pytorch-fid's Inception weights, instead of a download at first use", phase="train"
    )
    evaluation_pairs: bool = option(
        True,
        "held-out images of A and B that have equal names and sizes show the same thing: PSNR, SSIM and others compare "
        "them; false where the names are only numbers",
        phase="train",
    )
    palette: str | None = option(
        None, "colours of a map-like target: a name in configs/palettes, or a file; adds segmentation scores of pairs. "
        "none: no scores",
        phase="train",
    )  # fmt: skip
    dinov2_weights: str | None = option(
        None, "file of DINOv2's weights, for --feature_extractor dinov2 (pip install '.[scores]')", phase="train"
    )
    clip_weights: str | None = option(
        None,
        "file of CLIP as OpenAI publishes it, for --feature_extractor clip (pip install '.[scores]')",
        phase="train",
    )
    drn_weights: str | None = option(
        None, "file of DRN-D-22's Cityscapes weights: scores photographs that are made from label maps", phase="train"
    )
    lpips_weights: str | None = option(
        None, "file of torchvision's AlexNet weights: adds LPIPS of pairs (pip install '.[scores]')", phase="train"
    )
    precision_recall: bool = option(
        False, "also measure precision and recall of the features", phase="train", flag=True
    )
    early_stopping: int = option(
        0, "end training after N epochs without a better --best_metric; 0: never", phase="train", check=at_least(0)
    )
    best_metric: str = option(
        "frechet", "the measure that decides which epoch is kept as best", phase="train", choices=MEASURES.names
    )


@dataclass(frozen=True)
class MonitoringOptions:
    """How a run is watched; nothing here changes what is trained. Frequencies count images, and 0 means never."""

    print_freq: int = option(100, "write the losses every N images", phase="train", check=at_least(0))
    display_freq: int = option(400, "show pictures every N images", phase="train", check=at_least(0))
    display_env: str = option(
        "main", "visdom: environment, which runs can share; main: one of its own, named after the run", phase="train"
    )
    display_id: int | None = option(None, "visdom: number of the first window; 0 and below: no visdom", phase="train")
    display_ncols: int = option(
        4, "pictures in one row; 0: each in a window of its own", phase="train", check=at_least(0)
    )
    display_port: int = option(8097, "visdom: port of the server", phase="train", check=between(0, 65535))
    display_server: str = option("http://localhost", "visdom: address of the server", phase="train")
    display_winsize: int = option(256, "width in pixels of a picture on pages and in windows", check=at_least(1))
    update_html_freq: int = option(1000, "write the web page every N images", phase="train", check=at_least(0))
    no_html: bool = option(False, "write no web page", phase="train", flag=True)
    tensorboard: bool = option(
        False, "write losses, measures and pictures for TensorBoard too (pip install tensorboard)", phase="train",
        flag=True,
    )  # fmt: skip
    wandb: bool = option(
        False, "send losses, measures and pictures to Weights & Biases too (pip install wandb); WANDB_MODE=offline "
        "keeps them here", phase="train", flag=True,
    )  # fmt: skip
    quiet: bool = option(
        False, "print no progress: only how the run starts and ends, what is measured, and what goes wrong",
        phase="train", flag=True,
    )  # fmt: skip
    evaluation_freq: int = option(
        5000, "translate the same few held-out images every N images, into previews/", phase="train", check=at_least(0)
    )


@dataclass(frozen=True)
class TestingOptions:
    """What test.py translates, and where the results go."""

    results_dir: str = option("./results/", "folder of the result pages", phase="test")
    num_test: Count = option(float("inf"), "translate the first N images", phase="test", check=at_least(1))
    test_batch_size: int = option(
        1,
        "translate up to N images of one size together, which is faster for small ones; one by one all the same, where "
        "the translation of an image would depend on the others",
        phase="test",
        check=at_least(1),
    )
    eval: bool = option(
        False,
        "use the running statistics of batch norm, and no dropout; without it each image has its own statistics and "
        "dropout acts, as published (what dropout draws follows from --seed)",
        phase="test",
        flag=True,
    )
    no_ema: bool = option(
        False,
        "translate with the weights as trained where the run kept their moving average",
        phase="test",
        flag=True,
    )
    input: str | None = option(
        None,
        "an image or a folder to translate, instead of dataroot; sizes are kept, unless --preprocess is given too",
        phase="test",
    )
    output: str | None = option(
        None,
        "folder for the translations of --input, under the same names; for a single image also a file, such as out.png",
        phase="test",
    )
    strict: bool = option(
        False, "stop at an image that cannot be read, instead of translating the others", phase="test", flag=True
    )
    tile_size: int = option(
        0,
        "translate images with a side above N pixels in overlapping tiles of N; 0: those that memory cannot hold",
        phase="test",
        check=at_least(0),
    )
