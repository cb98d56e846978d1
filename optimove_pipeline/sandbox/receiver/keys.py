"""Keys of the SFTP server and of its user: made once, then kept."""

import base64
import hashlib
import os
from contextlib import suppress
from pathlib import Path

import paramiko


def kept_key(file: Path) -> paramiko.PKey:
    """The private key in a file; made if the file is not there. Two processes at once agree on one key."""
    if not file.exists():
        aside = file.with_name(f".{file.name}.{os.getpid()}")
        paramiko.ECDSAKey.generate().write_private_key_file(str(aside))
        # Where another process was quicker, its key counts for both.
        with suppress(FileExistsError):
            os.link(aside, file)
        aside.unlink()
    return paramiko.ECDSAKey.from_private_key_file(str(file))


def fingerprint(key: paramiko.PKey) -> str:
    """A key's fingerprint as people are given it: ``SHA256:`` and 43 characters."""
    digest = hashlib.sha256(key.asbytes()).digest()
    return "SHA256:" + base64.b64encode(digest).decode().rstrip("=")
