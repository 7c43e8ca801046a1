"""Try a trained generator in the browser: drop a picture, see it before and after.

    cut demo --name RUN                   the page of a run, for this machine only
    cut demo --name RUN --host 0.0.0.0    for everybody who can reach this machine and has the token that is printed

The page works without internet. Any other option of test.py about the run can follow (--checkpoints_dir, --direction,
--eval, --tile_size, --style, --gpu_ids). It needs the package gradio: pip install '.[demo]'.
"""

import argparse
from collections.abc import Sequence

from cut.demo.epochs import Epochs
from cut.demo.page import gradio
from cut.demo.server import make_server
from cut.errors import UserError, exit_status


def parser() -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(
        prog="cut demo", description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter, allow_abbrev=False
    )
    made.add_argument("--name", required=True, metavar="RUN", help="a folder in --checkpoints_dir")
    made.add_argument("--host", default="localhost", help="the address to serve at [localhost]")
    made.add_argument("--port", type=int, default=7860, help="0 takes any that is free [7860]")
    return made


def serve(words: Sequence[str]) -> None:
    chosen, more = parser().parse_known_args(words)
    if refused := {"--input", "--output", "--epoch", "--no_ema"} & {word.split("=")[0] for word in more}:
        raise UserError(f"{', '.join(sorted(refused))}: the page asks for it, leave it out.")
    gradio()  # says what is missing before the generator is loaded
    epochs = Epochs(["--name", chosen.name, *more])
    server, listening, address = make_server(epochs, chosen.host, chosen.port)
    print(f"{chosen.name} is at {address}; Ctrl-C stops it.", flush=True)
    server.run(sockets=[listening])


def main(words: Sequence[str]) -> int:
    return exit_status(lambda: serve(words))
