"""A Dask cluster of two worker processes on this machine, in a process group of its own, as on another machine."""

import contextlib
import os
import signal
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

from tests.support import ROOT

HERE = "127.0.0.1"
SCRIPT = f"""
import sys
from distributed import LocalCluster

if __name__ == "__main__":
    web = "{HERE}:0"
    with LocalCluster(n_workers=2, threads_per_worker=1, processes=True, host="{HERE}",
                      dashboard_address=web, worker_dashboard_address=web) as cluster:
        print(cluster.scheduler_address, flush=True)
        sys.stdin.read()
"""


@contextlib.contextmanager
def dask_cluster(folder: Path) -> Iterator[str]:
    """The address of a cluster that runs in `folder`; when the block ends, all of its processes are killed."""
    script = folder / "cluster.py"
    script.write_text(SCRIPT)
    # It reports a death at once instead of trying three times more by itself: that is for `each` to do.
    settings = {"DASK_DISTRIBUTED__SCHEDULER__ALLOWED_FAILURES": "0", "DASK_TEMPORARY_DIRECTORY": str(folder)}
    paths = {"PYTHONPATH": os.pathsep.join([str(ROOT), str(Path(__file__).parent)])}
    with subprocess.Popen(
        [sys.executable, script],
        cwd=folder,
        env=os.environ | settings | paths,
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        stderr=subprocess.DEVNULL,
        text=True,
        start_new_session=True,
    ) as running:
        assert running.stdout is not None
        try:
            yield running.stdout.readline().strip()
        finally:
            os.killpg(running.pid, signal.SIGKILL)
