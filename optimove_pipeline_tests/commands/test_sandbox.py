"""The options of the command ``sandbox``, and the folder that it has without one."""

from pathlib import Path

import pytest

from optimove_pipeline.commands.sandbox import chosen_options
from optimove_pipeline.errors import SettingsError


def test_its_folder_is_in_the_data_directory(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("OPTIMOVE_DATA_DIR", str(tmp_path))
    options = chosen_options({"port": 0, "preset": "tiny", "seed": 3}, ["sftp_port=2222", "today=2026-11-20"])
    assert options.folder == str(tmp_path / "sandbox")
    assert (options.sftp_port, options.seed, str(options.today)) == (2222, 3, "2026-11-20")
    monkeypatch.delenv("OPTIMOVE_DATA_DIR")
    assert chosen_options({}, []).folder == "data/sandbox"


def test_an_option_names_another_folder_or_none() -> None:
    assert chosen_options({}, ["folder=/elsewhere"]).folder == "/elsewhere"
    assert chosen_options({}, ["folder=null"]).folder is None


def test_an_unknown_option_is_refused_with_the_nearest_one() -> None:
    with pytest.raises(SettingsError, match="did you mean sftp_port"):
        chosen_options({}, ["sftpport=1"])


def test_a_value_of_the_wrong_form_is_refused() -> None:
    with pytest.raises(SettingsError, match="wrong form"):
        chosen_options({}, ["sftp_port=many"])
