"""Where a sandbox keeps what it has on disk, below one folder."""

from dataclasses import dataclass
from pathlib import Path

INBOX = "in"
"""The folder of the SFTP server that deliveries go to."""

TRIALS = "test"
"""The folder of the SFTP server for test transfers, which nobody reads."""


@dataclass(frozen=True, slots=True)
class Places:
    """The files and folders of one sandbox; ``make`` makes the folders."""

    folder: Path

    @property
    def company(self) -> Path:
        """The company's database, a DuckDB file."""
        return self.folder / "company.duckdb"

    @property
    def sftp_root(self) -> Path:
        """What clients of the SFTP server see as ``/``."""
        return self.folder / "sftp"

    @property
    def inbox(self) -> Path:
        """Where deliveries arrive."""
        return self.sftp_root / INBOX

    @property
    def taken(self) -> Path:
        """Where deliveries lie that were moved out of the inbox at once; clients do not see it."""
        return self.folder / "taken"

    @property
    def host_key(self) -> Path:
        """The SFTP server's private key."""
        return self.folder / "keys" / "host"

    @property
    def user_key(self) -> Path:
        """The private key of a user who is let in."""
        return self.folder / "keys" / "user"

    def make(self) -> None:
        """Make the folders; those with keys and with deliveries are for the owner alone."""
        for folder in (self.folder, self.sftp_root, self.inbox, self.sftp_root / TRIALS, self.taken):
            folder.mkdir(parents=True, exist_ok=True)
        self.host_key.parent.mkdir(mode=0o700, exist_ok=True)
