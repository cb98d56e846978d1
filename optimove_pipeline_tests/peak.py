"""The memory that a process needs."""

import re
from pathlib import Path


def peak_mebibytes() -> int:
    """Return the highest resident memory of this process since its program began (Linux: ``VmHWM``).

    ``ru_maxrss`` would be wrong: it starts at that of the process that started this one.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text(encoding="ascii"))
    assert found is not None
    return int(found[1]) // 1024
