"""The process in which a subject is measured: ``python -m benchmarks.subject module:function '{"argument": …}'``.

Prints one line of JSON last: seconds, CPU seconds, peak bytes, and what the function returned.
"""

from __future__ import annotations

import json
import re
import resource
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter

_KIB = 1024


def main() -> None:
    """Import the module, then measure one call of its function."""
    module, name = sys.argv[1].split(":")
    function = getattr(import_module(module), name)
    arguments = json.loads(sys.argv[2])
    began, cpu = perf_counter(), _cpu_seconds()
    found = function(**arguments)
    measured = {
        "seconds": perf_counter() - began,
        "cpu_seconds": _cpu_seconds() - cpu,
        "peak_bytes": _peak_bytes(),
        "found": found,
    }
    print(json.dumps(measured))


def _cpu_seconds() -> float:
    usages = (resource.getrusage(who) for who in (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN))
    return sum(usage.ru_utime + usage.ru_stime for usage in usages)


def _peak_bytes() -> int:
    """Return the highest resident memory of this process, or of the largest of its children.

    ``ru_maxrss`` of this process would be wrong: it starts at that of the process that started it.
    """
    found = re.search(r"VmHWM:\s+(\d+) kB", Path("/proc/self/status").read_text())
    assert found is not None
    return max(int(found[1]), resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss) * _KIB


if __name__ == "__main__":
    main()
