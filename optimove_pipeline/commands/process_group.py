"""The end of a process that was started in a group of its own, and of all that it has started in turn."""

from __future__ import annotations

import os
import signal
import subprocess
import time
from contextlib import suppress

_ASK_SECONDS = 0.25


def end_group(process: subprocess.Popen[bytes], seconds: float) -> None:
    """Wait until the whole group of ``process`` has ended; kill it after ``seconds``, or at an interruption."""
    deadline = time.monotonic() + seconds
    try:
        while _lives(process) and time.monotonic() < deadline:
            time.sleep(_ASK_SECONDS)
    finally:
        with suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)


def _lives(process: subprocess.Popen[bytes]) -> bool:
    """Whether any process is in the group; one that has ended stays in it until its parent has asked for it."""
    process.poll()
    # The first process of a container becomes the parent of those whose own has ended.
    with suppress(ChildProcessError):
        while os.waitpid(-process.pid, os.WNOHANG)[0]:
            pass
    try:
        os.killpg(process.pid, 0)
    except ProcessLookupError:
        return False
    return True
