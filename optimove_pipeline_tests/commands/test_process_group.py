"""A group of processes is ended whole: in its own time, or by force."""

from __future__ import annotations

from optimove_pipeline_tests.children import child, line

ENDING = """
import ctypes, subprocess, sys, time
from optimove_pipeline.commands.process_group import end_group

command, seconds = sys.argv[1], float(sys.argv[2])
ctypes.CDLL(None).prctl(36, 1)  # orphans come to this process, as to the first one of a container
process = subprocess.Popen(["sh", "-c", command], stdout=subprocess.PIPE, start_new_session=True)
print(process.stdout.readline().decode().strip(), flush=True)
begun = time.monotonic()
end_group(process, seconds)
took = time.monotonic() - begun
process.stdout.read()  # until nobody holds the other end
print("in its own time" if took < seconds else "by force", flush=True)
"""


def test_a_group_has_ended_with_its_last_process_even_if_nobody_has_asked_for_that_one() -> None:
    with child(ENDING, "exec 3<&0; (echo begun; read told <&3) & exit", 30) as process:
        assert line(process) == "begun"
        assert process.communicate("end\n") == "in its own time\n"


def test_what_does_not_end_is_killed_with_all_that_it_has_started() -> None:
    with child(ENDING, "trap '' INT TERM HUP; exec 3<&0; (echo begun; read told <&3) & wait", 0.3) as process:
        assert line(process) == "begun"
        assert line(process) == "by force"
