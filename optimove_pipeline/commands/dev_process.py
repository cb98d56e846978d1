"""``dagster dev`` in a process that ends, with all that it started, when its standard input does.

So nothing is left behind however the command that started it ends. Its arguments are those of ``dagster dev``.
"""

from __future__ import annotations

import os
import runpy
import signal
import sys
import threading
import warnings


def main() -> None:
    """Run ``dagster dev`` until it is interrupted, or nobody holds the other end of standard input any more."""
    # Whoever runs the command in the background has it ignored, and so would this process.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    threading.Thread(target=_interrupt_with_parent, daemon=True).start()
    # It recommends a tool that this project does not install.
    warnings.filterwarnings("ignore", message="Function `dev_command` is superseded")
    sys.argv = ["dagster", "dev", *sys.argv[1:]]
    try:
        runpy.run_module("dagster", run_name="__main__", alter_sys=True)
    finally:
        # Dagster ends its services, but lets runs under way go on.
        signal.signal(signal.SIGTERM, signal.SIG_IGN)
        os.killpg(0, signal.SIGTERM)


def _interrupt_with_parent() -> None:
    # Not through sys.stdin, whose lock would be held when the interpreter ends.
    while os.read(sys.stdin.fileno(), 1):
        pass
    os.kill(os.getpid(), signal.SIGINT)


if __name__ == "__main__":
    main()
