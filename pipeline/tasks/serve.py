"""`toonset label serve`: our own Label Studio for the project in this directory, until Ctrl-C."""

import signal
import threading
from types import FrameType

from labeling.errors import LocalServerError
from labeling.local_server import LocalServer, running_version
from labeling.server import Server
from pipeline import paths
from pipeline.params import load_params


def serve_here(port: int) -> None:
    """Start the server, say where it is and how to get in, and keep it until it is told to stop."""
    load_params()  # only in a project: what the server shows and keeps lies in this directory
    stopped = threading.Event()

    def stop(number: int, frame: FrameType | None) -> None:
        del number, frame
        stopped.set()

    local = LocalServer(paths.LABEL_STUDIO, paths.TASKS, port)
    with local.running(say) as account:
        for number in (signal.SIGINT, signal.SIGTERM):
            signal.signal(number, stop)
        server = Server(account.url, account.token)
        say(
            f"Label Studio {server.version()} is at {account.url}\n"
            f"  sign in as {account.username}, password in {paths.LABEL_STUDIO / 'credentials.json'}\n"
            f"  others on this machine make an account at {server.invitation()}\n"
            "  then, in another terminal: `toonset label round` for detectors, `toonset label push emotions` for "
            "emotions; `toonset label pull` fetches the answers\n"
            "Ctrl-C stops it; everything is kept."
        )
        while not stopped.wait(5):
            if running_version(account.url) is None and not stopped.is_set():
                raise LocalServerError(
                    f"Label Studio has stopped by itself; see the end of {paths.LABEL_STUDIO / 'server.log'}"
                )
        say("stopping Label Studio")


def say(text: str) -> None:
    """A line for whoever started it."""
    print(text, flush=True)
