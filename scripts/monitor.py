"""Start a visdom server on this machine, for the live plots of current and later training runs.

    python scripts/monitor.py                    http://localhost:8097, where train.py looks by itself
    python scripts/monitor.py --port 9000        and train with --display_port 9000
    python scripts/monitor.py --everywhere       other machines can connect too, with the token that is printed

Ctrl-C stops it; training goes on, and the plots return when it is started again. To watch from another machine:
`ssh -L 8097:localhost:8097 THIS_MACHINE` there, then http://localhost:8097 in its browser.

The page's scripts are fetched once, by npm. Unlike `python -m visdom.server` it also starts without internet.
"""

import argparse
import getpass
import os
import socket
import sys
from contextlib import nullcontext
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[1]))  # runs from a clone without installing

import cut.environment  # noqa: F401 first: it explains what is missing below
from cut.errors import UserError, exit_status
from cut.monitoring.visdom.server import ServerTrouble, VisdomServer
from cut.servers.access import VARIABLE, Access, new_token
from cut.servers.token_file import published
from cut.servers.visdom_scripts import complete_scripts


def check_port(port: int, everywhere: bool) -> None:
    """Refuse a port that is taken: visdom itself would fail, or from 0.3 on silently choose another."""
    try:
        server = VisdomServer("http://localhost", port, "main")
        server.environments(seconds=2)
    except ServerTrouble:
        pass
    else:
        raise UserError(f"A visdom server is already there: open {server.address}, or give another --port.")
    try:
        with socket.socket() as probe:
            if os.name == "posix":  # as the server will do; elsewhere it would allow a second one
                probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            probe.bind(("" if everywhere else "127.0.0.1", port))
    except OSError as error:
        raise UserError(
            f"Port {port} cannot be used ({error.strerror}): give another one, such as --port {port + 1}, and train "
            f"with --display_port {port + 1}."
        ) from error


def serve(port: int, everywhere: bool, env_path: Path, fetch: bool) -> None:
    """Run the server until it is interrupted."""
    try:
        import visdom
        from tornado.web import StaticFileHandler
        from visdom.server import app
        from visdom.server.run_server import start_server

        from cut.servers.visdom_guard import guard
    except Exception as error:  # an old package on a new Python fails in many ways
        raise UserError(f"The package visdom cannot be imported ({error!r}): pip install visdom.") from error
    if fetch:
        print("Looking for the scripts of visdom's page …", flush=True)
        for sentence in complete_scripts(Path(visdom.__file__).parent / "static", visdom.__version__):
            print(sentence, flush=True)
    try:
        getpass.getuser()
    except (OSError, KeyError):  # a container's user without a name, on which visdom's page fails
        os.environ["USER"] = "visdom"

    class PageFiles(StaticFileHandler):
        @classmethod
        def make_static_url(cls, settings, path, include_version=True):
            # visdom's page names ../user/style.css, for which tornado 6.6 and newer refuse a version, and so the page.
            return super().make_static_url(settings, path, include_version and not path.startswith("../"))

    app.tornado_settings["static_handler_class"] = PageFiles
    app.tornado_settings["autoreload"] = False  # else a change of any file here restarts it, and empties its windows
    token = new_token() if everywhere else None
    guard(app.Application, Access(port, token=token))
    with published(token, port) if token else nullcontext() as problem:

        def say(port: int) -> None:
            place = f"http://{socket.gethostname()}:{port}/?token={token}" if token else f"http://localhost:{port}"
            print(f"visdom is at {place}; Ctrl-C stops it.", flush=True)
            if token:
                here = f"{problem}, so all trainings need" if problem else "Trainings on other machines need"
                print(f"{here} the token in their environment: export {VARIABLE}={token}", flush=True)

        try:
            env_path.mkdir(parents=True, exist_ok=True)
            start_server(
                port=port,
                base_url="",  # its own default, "/", leaves every address with two slashes
                env_path=f"{env_path}{os.sep}",
                bind_local=not everywhere,
                print_func=say,
            )
        except OSError as error:
            raise UserError(f"The server could not start: {error}.") from error


def main(arguments: list[str]) -> int:
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--port", type=int, default=8097, help="where it listens (default 8097)")
    parser.add_argument(
        "--everywhere", action="store_true", help="let other machines connect too, with the token that is printed"
    )
    parser.add_argument(
        "--env_path", type=Path, default=Path("~/.visdom"), help="folder of saved environments (default ~/.visdom)"
    )
    parser.add_argument("--no_fetch", action="store_true", help="fetch nothing: take the page's scripts as they are")

    def work() -> None:
        given = parser.parse_args(arguments)
        if not 1 <= given.port <= 65535:
            parser.error(f"--port must be from 1 to 65535, not {given.port}")
        check_port(given.port, given.everywhere)
        serve(given.port, given.everywhere, given.env_path.expanduser(), not given.no_fetch)

    return exit_status(work)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
