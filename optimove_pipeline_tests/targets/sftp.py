"""An SFTP target of the server that the tests run."""

from pathlib import Path
from typing import Any

from optimove_pipeline.targets.kinds.sftp import SftpSettings
from optimove_pipeline.targets.sftp import SftpTarget
from optimove_pipeline_tests.servers.openssh import OpenSsh


def settings(server: OpenSsh, folder: Path, **changed: Any) -> dict[str, Any]:
    """Return the settings of a target in a folder of the server; a setting given as None is left out."""
    values = {
        "kind": "sftp",
        "host": "127.0.0.1",
        "port": server.port,
        "username": server.user,
        "key_file": str(server.key),
        "host_keys": [server.fingerprint],
        "folder": str(folder),
        "timeout_seconds": 10,
        **changed,
    }
    return {name: value for name, value in values.items() if value is not None}


def sftp(server: OpenSsh, folder: Path, **changed: Any) -> SftpTarget:
    """Return the target ``optimove`` with these settings."""
    return SftpTarget("optimove", SftpSettings.model_validate(settings(server, folder, **changed)))
