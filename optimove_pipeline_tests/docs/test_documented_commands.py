"""Every command, query and settings block of the documentation does what it says, on a sandbox."""

from __future__ import annotations

import re
import shlex
import shutil
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path

import dagster as dg
import duckdb
import pytest
import yaml
from click.testing import CliRunner

from optimove_pipeline.automation.wiring import definitions_of
from optimove_pipeline.cli import main
from optimove_pipeline.config import load_settings, parse_settings, sandbox_settings
from optimove_pipeline.datasets.catalogue import datasets_of
from optimove_pipeline.sandbox.process import RunningSandbox, running_sandbox
from optimove_pipeline.settings.datasets import Datasets
from optimove_pipeline_tests.docs.pages import PAGES, ROOT, Block, all_blocks, blocks, commands
from optimove_pipeline_tests.docs.terminal import Terminal, terminal
from optimove_pipeline_tests.end_to_end.dagster_in_memory import keep_no_events

STAND_INS = {
    "make run": "make -n run",
    "make dev": "make -n dev | grep '/optimove-pipeline dev$'",
    "make test": "make -n test",
    "make benchmark": "make -n benchmark",
    "make lock": "make -n lock",
    "ruff check .": "ruff --version",
    "ruff format --check .": "ruff --version",
    "mypy": "mypy --version",
    "pytest optimove_pipeline_tests/sandbox": "pytest --version",
    "optimove-pipeline listen --register https://etl.example.com/optimove": (
        "echo y | optimove-pipeline listen --register https://etl.example.com/optimove"
    ),
}
"""What is run instead of commands that take minutes or test what the other tests do; all else runs as written."""

# A daemon that finds an API starts the day's runs, which would meet the other commands, or not, by the time of day.
_NO_API = "http://127.0.0.1:1/current"

SERVERS = {
    "optimove-pipeline sandbox": (None, "The sandbox answers at"),
    "optimove-pipeline listen --port": (None, "The listener answers at"),
    "optimove-pipeline serve": (None, "The API of sandbox_api answers at"),
    "dagster-webserver": (None, "Serving dagster-webserver"),
    "dagster-daemon run": (
        f"env OPTIMOVE_API_URL={_NO_API} dagster-daemon run -w workspace.yaml",
        "Instance is configured with the following daemons",
    ),
}
"""Commands that don't end by themselves, by how they begin: what is started (None: as written), what tells that they
are ready. They run until the page's last command is done, except Dagster's, which no command asks for anything."""

AS_INSTALLED = {"settings.md", "api.md"}
"""Pages whose commands are the programs that are installed, each in an interpreter of its own."""

LANGUAGES = {"sh", "sql", "yaml", "text"}
LAUNCHPAD_BLOCKS = [block for block in all_blocks("yaml") if block.text.startswith("ops:")]
CONTRACT_BLOCKS = [block for block in all_blocks("yaml") if block.text.startswith("# contracts.yaml")]
SETTINGS_BLOCKS = [block for block in all_blocks("yaml") if block not in [*LAUNCHPAD_BLOCKS, *CONTRACT_BLOCKS]]
SHELL_PAGES = [page for page in PAGES if any(block.language == "sh" for block in blocks(page))]


@pytest.fixture(scope="module")
def sandbox(tmp_path_factory: pytest.TempPathFactory) -> Iterator[RunningSandbox]:
    folder = tmp_path_factory.mktemp("sandbox")
    with running_sandbox(preset="tiny", windows=(), folder=str(folder)) as running:
        yield running


@pytest.fixture(scope="module")
def warehouse(sandbox: RunningSandbox, tmp_path_factory: pytest.TempPathFactory) -> Path:
    with terminal(tmp_path_factory.mktemp("sql"), {"OPTIMOVE_SANDBOX_URL": sandbox.url}) as opened:
        keep_no_events(opened.folder / "data")
        opened.run("optimove-pipeline run --days 1 --report promo_codes")
    return opened.folder / "data" / "warehouse.duckdb"


@pytest.mark.parametrize("page", SHELL_PAGES, ids=lambda page: page.name)
def test_the_commands_of_a_page_run_one_after_the_other(
    page: Path, sandbox: RunningSandbox, warehouse: Path, tmp_path: Path
) -> None:
    as_documented = {
        "https://api5.optimove.net/current": sandbox.url,
        "your-key": sandbox.key,
        "8720": str(_free_port()),
        "3000": str(_free_port()),
        "8730": str(_free_port()),
        "8740": str(_free_port()),
    }
    ran = 0
    forked = page.name not in AS_INSTALLED
    with terminal(tmp_path, {"OPTIMOVE_SANDBOX_URL": sandbox.url}, forked=forked) as opened:
        if page.name == "README.md":
            shutil.copytree(warehouse.parent, opened.folder / "data")
            keep_no_events(opened.folder / "data" / "my-tenant")
            _fill_in(opened.folder / "docs" / "optimove.example.yaml", sandbox)
        for block in blocks(page):
            for command in commands(block) if block.language == "sh" else ():
                _carry_out(opened, command, as_documented)
                ran += 1
    assert ran > 0


def _fill_in(example: Path, sandbox: RunningSandbox) -> None:
    """Put the sandbox's company and its SFTP server at the end of the example, as a person does with their own."""
    own = {**sandbox.settings(), "delivery": {"datasets": ["sandbox"]}}
    # The company's days are those of UTC, and its first one must not depend on the year.
    own["datasets"] |= {"first_day": "2025-01-01", "select": ["customers", "game_types_and_categories"]}
    general = example.read_text(encoding="utf-8").replace("Europe/London", "UTC")
    example.write_text(f"{general}\n{yaml.safe_dump(own, sort_keys=False)}", encoding="utf-8")


def _carry_out(opened: Terminal, command: str, as_documented: dict[str, str]) -> None:
    """Run a command, or start it if it is a server, with the example's address, key and ports replaced."""
    server = next((start for start in SERVERS if command.startswith(start)), None)
    started, ready = SERVERS[server] if server else (None, "")
    actual = started or STAND_INS.get(command, command)
    for documented, real in as_documented.items():
        actual = actual.replace(documented, real)
    if server and server.startswith("dagster"):
        opened.start_and_end(actual, ready)
    elif server:
        opened.serve(actual, ready)
    else:
        opened.run(actual)


def _free_port() -> int:
    with socket.create_server(("127.0.0.1", 0)) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.parametrize("block", all_blocks("sql"), ids=lambda block: block.place)
def test_a_query_runs_on_a_sandboxs_warehouse(block: Block, warehouse: Path) -> None:
    with closing(duckdb.connect(str(warehouse))) as connection:
        statements = duckdb.extract_statements(block.text)
        results = [connection.execute(statement).fetchall() for statement in statements]
    assert len(results) == block.text.count(";")
    if "FROM ops.api_calls\nGROUP BY" in block.text:
        assert results[0], "calls were made, so there are rows"


@pytest.mark.parametrize("block", LAUNCHPAD_BLOCKS, ids=lambda block: block.place)
def test_a_block_for_the_launchpad_is_accepted(block: Block, tmp_path: Path) -> None:
    job = definitions_of(sandbox_settings(_NO_API, tmp_path)).resolve_job_def("pull_period")
    document = yaml.safe_load(block.text)
    given = document["ops"]["file_requests"]["config"]
    taken = dg.validate_run_config(job, document)["ops"]["file_requests"]["config"]
    assert {name: taken[name] for name in given} | {"filters": given["filters"]} == given


@pytest.mark.parametrize("block", SETTINGS_BLOCKS, ids=lambda block: block.place)
def test_a_block_of_settings_is_accepted(block: Block, tmp_path: Path) -> None:
    document = yaml.safe_load(block.text)
    settings = parse_settings(document, source=block.place, data_dir=tmp_path)
    assert set(document) <= settings.model_fields_set


@pytest.mark.parametrize("block", CONTRACT_BLOCKS, ids=lambda block: block.place)
def test_a_block_of_contracts_is_accepted(block: Block, tmp_path: Path) -> None:
    (tmp_path / "contracts.yaml").write_text(block.text, encoding="utf-8")
    settings = Datasets(preset="casino", contracts=(Path("contracts.yaml"),))
    assert {dataset.name for dataset in datasets_of(settings, tmp_path)} >= set(yaml.safe_load(block.text))


def test_the_example_settings_are_accepted(tmp_path: Path) -> None:
    example = ROOT / "docs" / "optimove.example.yaml"
    settings = load_settings({"OPTIMOVE_CONFIG": str(example), "OPTIMOVE_DATA_DIR": str(tmp_path)})
    assert settings.tenant.name == "example-shop"


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_block_is_of_a_language_that_is_tested(page: Path) -> None:
    assert {block.language for block in blocks(page)} <= LANGUAGES


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_the_commands_within_sentences_exist(page: Path) -> None:
    text = page.read_text(encoding="utf-8")
    for command in re.findall(r"`optimove-pipeline ([^`]+)`", text):
        result = CliRunner().invoke(main, [*shlex.split(command), "--help"])
        assert result.exit_code == 0, f"{page.name}: `optimove-pipeline {command}`: {result.output}"
    targets = (ROOT / "Makefile").read_text(encoding="utf-8").partition(".PHONY:")[2].splitlines()[0].split()
    assert set(re.findall(r"`make ([a-z]+)", text)) <= set(targets)


@pytest.mark.parametrize("page", PAGES, ids=lambda page: page.name)
def test_every_link_to_a_file_leads_to_one(page: Path) -> None:
    links = re.findall(r"\]\((?!https?:)([^)#]+)", page.read_text(encoding="utf-8"))
    assert [link for link in links if not (page.parent / link).exists()] == []
