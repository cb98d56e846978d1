"""A person's terminal in a folder that looks like the repository: commands, servers, Ctrl-C."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
import threading
from collections.abc import Iterator, Mapping
from contextlib import ExitStack, contextmanager, nullcontext
from dataclasses import dataclass, field
from pathlib import Path

from optimove_pipeline_tests.docs.pages import ROOT
from optimove_pipeline_tests.docs.programs import forked_programs

LONGEST_SECONDS = 120
_OWN = {".git", ".venv", "data", "docs", "optimove.yaml"}
_WARNING = re.compile(r"\b[A-Z]\w+Warning: ")


@dataclass(slots=True)
class Terminal:
    """Runs commands one after the other in ``folder``; what one exports, the next one finds."""

    folder: Path
    environment: dict[str, str]
    programs: Path
    """The folder that commands are looked for in first, whatever one does to PATH."""
    servers: ExitStack = field(default_factory=ExitStack)

    def run(self, command: str) -> str:
        """Run a command to its end and return what it printed; it has to succeed, and Python to warn of nothing."""
        kept = self.folder.parent / "environment"
        script = f'set -euo pipefail\n{command}\nenv -0 > "{kept}"\n'
        done = subprocess.run(
            ["bash", "-c", script],
            cwd=self.folder,
            env=self._as_found(),
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=LONGEST_SECONDS,
            check=False,
        )
        assert done.returncode == 0, f"`{command}` ended with exit code {done.returncode}:\n{done.stdout}"
        assert not _WARNING.search(done.stdout), f"`{command}` warns:\n{done.stdout}"
        self.environment = dict(line.split("=", 1) for line in kept.read_text().split("\0") if line)
        return done.stdout

    def serve(self, command: str, ready: str) -> None:
        """Start a command that does not end by itself, and wait until it says ``ready``."""
        self.servers.enter_context(_served(command, ready, self.folder, self._as_found()))

    def start_and_end(self, command: str, ready: str) -> None:
        """Start a command that does not end by itself, and end it with Ctrl-C once it says ``ready``."""
        with _served(command, ready, self.folder, self._as_found()):
            pass

    def _as_found(self) -> dict[str, str]:
        path = self.environment["PATH"].replace(f"{self.programs}:", "")
        return {**self.environment, "PATH": f"{self.programs}:{path}"}


@contextmanager
def terminal(home: Path, environment: Mapping[str, str], *, forked: bool = True) -> Iterator[Terminal]:
    """Yield a terminal below ``home``; its servers are ended with Ctrl-C, the last first.

    ``forked`` are the programs of ``programs.PROGRAMS``; else they are those that are installed.
    """
    folder = home / "repository"
    _lay_out(folder)
    clean = {name: value for name, value in os.environ.items() if not name.startswith(("OPTIMOVE_", "DAGSTER_"))}
    installed = Path(sys.executable).parent
    path = f"{installed}:{clean['PATH']}"
    with forked_programs() if forked else nullcontext(installed) as programs:
        opened = Terminal(folder, {**clean, "PATH": path, "UV_OFFLINE": "1", **environment}, programs)
        with opened.servers:
            yield opened


def _lay_out(folder: Path) -> None:
    """Let the folder hold the repository by links, but documentation and data of its own."""
    folder.mkdir(parents=True)
    for path in ROOT.iterdir():
        if path.name not in _OWN:
            (folder / path.name).symlink_to(path)
    shutil.copytree(ROOT / "docs", folder / "docs")
    (folder / ".venv").symlink_to(sys.prefix)


@contextmanager
def _served(command: str, ready: str, folder: Path, environment: Mapping[str, str]) -> Iterator[None]:
    with subprocess.Popen(
        ["bash", "-c", f"exec {command}"],
        cwd=folder,
        env=environment,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        start_new_session=True,
    ) as process:
        try:
            _await(process, command, ready)
            yield
            _send(process, signal.SIGINT)
            process.wait(LONGEST_SECONDS)
        finally:
            _send(process, signal.SIGKILL)


def _await(process: subprocess.Popen[str], command: str, ready: str) -> None:
    assert process.stdout is not None
    watchdog = threading.Timer(LONGEST_SECONDS, _send, (process, signal.SIGKILL))
    watchdog.start()
    said = []
    try:
        for line in process.stdout:
            said.append(line)
            if ready in line:
                break
        else:
            raise AssertionError(f"`{command}` ended without saying {ready!r}:\n{''.join(said)}")
    finally:
        watchdog.cancel()
    # Whoever does not read on would stop a server that goes on writing.
    threading.Thread(target=process.stdout.read, daemon=True).start()


def _send(process: subprocess.Popen[str], number: signal.Signals) -> None:
    """Send a signal to the command and all that it started, as a terminal does."""
    try:
        os.killpg(process.pid, number)
    except ProcessLookupError:
        return
