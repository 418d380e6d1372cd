"""Run a command for as long as whoever started this lives: `python until_parent_ends.py COMMAND …`.

The parent holds the other end of this process's standard input and never writes. When it closes it, or is killed, the
command is ended: a server must not live on without the command that started it.
"""

import os
import subprocess
import sys
import threading

GRACE_S = 10.0
"""Between asking the command to end and making it."""


def main(command: list[str]) -> int:
    """The command's exit status."""
    process = subprocess.Popen(command, stdin=subprocess.DEVNULL)
    threading.Thread(target=_end_with_parent, args=(process,), daemon=True).start()
    return process.wait()


def _end_with_parent(process: "subprocess.Popen[bytes]") -> None:
    # Not sys.stdin: a thread that holds its lock would crash the interpreter at its own end.
    os.read(0, 1)
    process.terminate()
    try:
        process.wait(GRACE_S)
    except subprocess.TimeoutExpired:
        process.kill()


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
