"""What a file of weights is: which network, which methods translate with it, and how.

    cut weights latest_net_G.pth
    cut weights downloads/*.pth

Names and shapes decide, whoever trained the file. docs/weights.md lists published files and where to put them.
"""

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, cast

from cut.errors import UserError, exit_status

if TYPE_CHECKING:
    from cut.models.method import Method
    from cut.networks.identify import Identity


def main(words: Sequence[str]) -> int:
    parser = argparse.ArgumentParser(
        prog="cut weights", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter
    )
    parser.add_argument("files", nargs="+", type=Path, metavar="FILE")
    return exit_status(lambda: run(parser.parse_args(words).files))


def run(files: Sequence[Path]) -> None:
    problems: list[str] = []
    for number, file in enumerate(files):
        try:
            print(*([""] if number else []), *describe(file), sep="\n", flush=True)
        except UserError as error:
            problems += error.problems
    if problems:
        raise UserError(*problems)


def describe(file: Path) -> list[str]:
    """Lines that say what a file is.

    Raises:
        UserError: when it cannot be read, or holds something else.
    """
    from cut.networks.identify import identify
    from cut.networks.torch_files import NotReadable, read_torch_file
    from cut.networks.weights import read_weights

    try:
        content = read_torch_file(file)
    except FileNotFoundError:
        raise UserError(f"There is no file {file}.") from None
    except NotReadable as error:
        raise UserError(f"{file} cannot be read safely ({error.reason}): {error.advice}.") from None
    if isinstance(content, Mapping) and {"a", "b"} <= content.keys():  # MUNIT's authors publish both in one file
        weights = read_weights(file, part="a")
        together = True
    else:
        weights, together = read_weights(file), False
    found = identify(weights)
    count = sum(tensor.numel() for tensor in weights.values() if tensor.is_floating_point()) / 1e6
    if found is None:
        names = ", ".join(list(weights)[:3])
        raise UserError(
            f"{file} holds weights ({names}, …; {count:.2f} million) of no network that is here: it belongs to "
            "another program, or to options that are tried out nowhere (docs/weights.md)."
        )
    size = f"{count:.2f} million weights, {' → '.join(map(str, found.channels))} channels"
    if found.kind == "patch projection head":
        return [f"{file}: a {found.kind} ({_as_options(found.options)}); translating needs the generator."]
    if found.kind == "discriminator":
        return [f"{file}: a discriminator ({_as_options(found.options)}; {size}); translating needs the generator."]
    if found.kind == "autoencoder":
        both = " of both domains, for gen_a and gen_b: copy the file under both names" if together else ""
        return [
            f"{file}: MUNIT's encoders and decoder{both} ({_as_options(found.options)}; {size}).",
            "Put it at  checkpoints/NAME/latest_net_gen_a.pth  and  latest_net_gen_b.pth",
            f"Then       {_translate('munit', found.options)}",
        ]
    return [f"{file}: a generator ({size}).", *_how_to_use(file, found)]


def _how_to_use(file: Path, found: "Identity") -> list[str]:
    from cut.models.method import all_names
    from cut.registry import MODELS

    network = _network_of(file)
    options = {**found.options, "input_nc": found.channels[0], "output_nc": found.channels[1]}
    fitting = [
        entry.name
        for entry in MODELS.entries()
        if "train" in entry.phases
        and "networks" not in entry.without
        and network in all_names(cast("type[Method]", entry.factory).translators)
    ]
    lines = [f"Network:   {_as_options(found.options)}"]
    if found.options.get("normG") == "affine_instance":
        lines.append("           or --normG layer or group, which have the same weights: try what the images say")
    if fitting:
        lines.append(f"Methods that call their generator {network}: {', '.join(fitting)}")
    model = next((name for name in ("cut", "cycle_gan") if name in fitting), fitting[0] if fitting else "cut")
    lines.append(f"Put it at  checkpoints/NAME/latest_net_{network}.pth")
    lines.append(f"Then       {_translate(model, options)}")
    return lines


def _network_of(file: Path) -> str:
    """The network that the name of a file says, G where it says none."""
    return file.stem.partition("_net_")[2] or "G"


def _translate(model: str, options: Mapping[str, Any]) -> str:
    """The command that translates with a network of these options; defaults are left out."""
    from cut.commands import command
    from cut.options.machinery.layers import Layer, merge

    usual = merge("test", [Layer({"model": model})]).values
    changed = {name: value for name, value in options.items() if usual.get(name) != value}
    words = [*([] if model == "cut" else [f"--model {model}"]), *([_as_options(changed)] if changed else [])]
    start = f"{command('translate')} --name NAME --input photos --output translated"
    return " ".join([start, *words])


def _as_options(options: Mapping[str, Any]) -> str:
    return " ".join(f"--{name} {str(value).lower() if isinstance(value, bool) else value}" for name, value in
                    options.items())  # fmt: skip
