"""A sandbox's process starts at once, answers the same everywhere, and never outlives its starter."""

import os
import signal
import socket
import subprocess
import sys
from collections.abc import Iterator
from datetime import date

import httpx
import psutil
import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.options import SandboxOptions
from optimove_pipeline.sandbox.process import running_sandbox
from optimove_pipeline.sandbox.server import serve
from optimove_pipeline_tests.sandbox.api import client_of, get, pull

STARTER = """
import sys
from optimove_pipeline.sandbox.process import running_sandbox
with running_sandbox(preset="tiny") as sandbox:
    print(sandbox.process_id, flush=True)
    sys.stdin.read()
"""

SERVER = """
from optimove_pipeline.sandbox.faults import Fault
from optimove_pipeline.sandbox.options import SandboxOptions
from optimove_pipeline.sandbox.server import serve
serve(SandboxOptions(preset="tiny"), lambda url: print(url, flush=True))
"""


@pytest.fixture
def starter() -> Iterator["subprocess.Popen[str]"]:
    command = [sys.executable, "-c", STARTER]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        yield process
        process.kill()


def test_two_processes_of_one_seed_answer_alike_and_another_seed_otherwise() -> None:
    path, asked = "customers/GetCustomerActionDetailsByDate", {"Date": "2026-11-18"}
    answers = []
    for seed in (3, 3, 4):
        with (
            running_sandbox(preset="tiny", seed=seed, today=date(2026, 11, 20)) as sandbox,
            client_of(sandbox) as client,
        ):
            answers.append((pull(client, path, **asked), get(client, "actions/GetPromoCodes", **asked)))
    assert answers[0] == answers[1]
    assert answers[0][0] != answers[2][0]
    assert answers[0][1] != answers[2][1]


def test_a_sandbox_ends_with_the_block() -> None:
    with running_sandbox(preset="tiny") as sandbox:
        assert psutil.pid_exists(sandbox.process_id)
    assert not psutil.pid_exists(sandbox.process_id)


def test_a_sandbox_ends_with_the_block_even_while_a_call_hangs() -> None:
    with running_sandbox(preset="tiny") as sandbox, client_of(sandbox) as client:
        sandbox.faults(Fault("timeout"))
        with pytest.raises(httpx.ReadTimeout):
            client.get("/general/GetLastDataUpdate", timeout=0.1)
    assert not psutil.pid_exists(sandbox.process_id)


def test_a_sandbox_ends_when_its_starter_is_killed(starter: "subprocess.Popen[str]") -> None:
    assert starter.stdout is not None
    sandbox = psutil.Process(int(starter.stdout.readline()))
    os.kill(starter.pid, signal.SIGKILL)
    sandbox.wait(timeout=10)
    assert not sandbox.is_running()


def test_without_a_fixed_date_the_tenant_lives_today() -> None:
    with running_sandbox(preset="tiny") as sandbox, client_of(sandbox) as client:
        before = sandbox.tenant.last_data_update
        told = get(client, "general/GetLastDataUpdate")["Date"]
        assert before.isoformat() <= told <= sandbox.tenant.last_data_update.isoformat()


def test_two_sandboxes_run_side_by_side() -> None:
    with running_sandbox(preset="tiny", key="one") as one, running_sandbox(preset="tiny", key="two") as two:
        assert one.url != two.url
        with client_of(one) as client:
            get(client, "actions/GetAllActions")
            assert client.get(f"{two.url}/actions/GetAllActions").status_code == 401
        assert (one.stats()["total"], two.stats()["total"]) == (1, 1)


@pytest.mark.parametrize(("end", "code"), [(signal.SIGINT, 0), (signal.SIGTERM, -signal.SIGTERM)])
def test_serving_tells_the_url_and_ends_quietly_on_a_signal(end: signal.Signals, code: int) -> None:
    with subprocess.Popen(
        [sys.executable, "-c", SERVER], text=True, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as process:
        assert process.stdout is not None
        url = process.stdout.readline().strip()
        answer = httpx.get(f"{url}/general/GetLastDataUpdate", headers={"X-API-KEY": "sandbox-key"}, trust_env=False)
        assert answer.status_code == 200
        process.send_signal(end)
        said, complained = process.communicate(timeout=10)
    assert (process.returncode, said, complained) == (code, "", "")


def test_a_taken_port_is_a_settings_error_that_names_it() -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        with pytest.raises(SettingsError, match=f"127.0.0.1:{port}"):
            serve(SandboxOptions(preset="tiny", port=port), print)


def test_a_page_of_a_day_of_millions_is_quick_and_small() -> None:
    asked = {"Date": "2026-11-13", "$top": 10_000}
    with (
        running_sandbox(preset="large", today=date(2026, 11, 20), windows=()) as sandbox,
        client_of(sandbox) as client,
    ):
        pages = [
            get(client, "customers/GetCustomerActionDetailsByDate", **asked, **{"$skip": skip})
            for skip in (0, 2_500_000, 5_000_000)
        ]
        assert psutil.Process(sandbox.process_id).memory_info().rss < 200 * 1024 * 1024
        assert max(call["milliseconds"] for call in sandbox.stats()["calls"]) < 5_000
    assert [len(page) for page in pages] == [10_000] * 3
    assert len({row["CustomerID"] for page in pages for row in page}) > 20_000
