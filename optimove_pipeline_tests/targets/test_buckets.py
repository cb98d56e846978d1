"""Packages delivered to buckets of three clouds: whole, once, never over something else."""

from __future__ import annotations

import json
import threading
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.errors import SettingsError
from optimove_pipeline.ledger import Ledger, State
from optimove_pipeline.stages.deliver import deliver
from optimove_pipeline.targets.check import check
from optimove_pipeline.targets.errors import LoginError, TargetError, UnreachableError
from optimove_pipeline.targets.target import Part, Target
from optimove_pipeline_tests.servers import azure, gcs, s3
from optimove_pipeline_tests.servers.wire import wire
from optimove_pipeline_tests.targets.goods import contents, package, part, states
from optimove_pipeline_tests.targets.opened import opened

KINDS = ("s3", "gcs", "azure")
LARGE = 9_000_000
"""More than one piece."""

Bucket = dict[str, Any]


@pytest.fixture(scope="module")
def s3_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with s3.s3_server(tmp_path_factory.mktemp("s3")) as address:
        yield address


@pytest.fixture(scope="module")
def gcs_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with gcs.gcs_server(tmp_path_factory.mktemp("gcs")) as address:
        yield address


@pytest.fixture(scope="module")
def azure_address(tmp_path_factory: pytest.TempPathFactory) -> Iterator[str]:
    with azure.azure_server(tmp_path_factory.mktemp("azure")) as address:
        yield address


@pytest.fixture(params=KINDS)
def bucket(request: pytest.FixtureRequest, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Bucket:
    """The settings of a target in a folder of its own in a bucket."""
    service_account = {"disable_oauth": True, "client_email": "", "private_key": "", "private_key_id": ""}
    monkeypatch.setenv("BUCKET_ACCESS", s3.ACCESS_KEY)
    monkeypatch.setenv("BUCKET_SECRET", s3.SECRET_KEY)
    monkeypatch.setenv("BUCKET_ACCOUNT", json.dumps(service_account))
    monkeypatch.setenv("BUCKET_KEY", azure.KEY)
    of_kind: Bucket = {
        "s3": {"bucket": s3.BUCKET, "access_key": "${BUCKET_ACCESS}", "secret_key": "${BUCKET_SECRET}"},
        "gcs": {"bucket": gcs.BUCKET, "service_account": "${BUCKET_ACCOUNT}"},
        "azure": {"account": azure.ACCOUNT, "container": azure.CONTAINER, "access_key": "${BUCKET_KEY}"},
    }[request.param]
    address = request.getfixturevalue(f"{request.param}_address")
    return {"kind": request.param, "endpoint": address, "prefix": tmp_path.name, "attempts": 2, **of_kind}


def target_of(settings: Bucket, /, **changed: Any) -> Target:
    values = {name: value for name, value in {**settings, **changed}.items() if value is not None}
    return opened("cloud", values, Path("data"))


def sizes(target: Target, parts: list[Part]) -> list[int | None]:
    """Return the sizes of what lies under the parts' names; what is there has the right hash, or fails."""
    with target.session() as session:
        found = [session.look(each) for each in parts]
    for each, seen in zip(parts, found, strict=True):
        assert seen is None or seen.bytes != each.bytes or seen.sha256 == each.sha256
    return [None if seen is None else seen.bytes for seen in found]


def test_a_package_is_delivered_whole_and_once(bucket: Bucket, tmp_path: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", [b"", *contents(2, 1000), *contents(1, LARGE)])
    target = target_of(bucket, manifest_folder="manifests")
    assert deliver(made, target, ledger, "run-1").sent == 5
    parts = [part(made, number) for number in range(1, 5)]
    assert sizes(target, parts) == [0, 1000, 1001, LARGE]
    assert states(ledger, "cloud") == [State.DELIVERED] * 5
    assert deliver(made, target, ledger, "run-2").sent == 0
    again = Ledger(tmp_path / "lost" / "ledger.sqlite")
    deliver(made, target, again, "run-3")
    assert states(again, "cloud") == [State.DELIVERED] * 5, "what is there whole is taken as delivered"


def test_something_else_of_that_name_is_never_overwritten(bucket: Bucket, tmp_path: Path, ledger: Ledger) -> None:
    theirs = package(tmp_path / "theirs", [b"of somebody else"])
    target = target_of(bucket)
    deliver(theirs, target, Ledger(tmp_path / "theirs.sqlite"), "run-1")
    for content in (contents(1, 1000), contents(1, LARGE)):
        made = package(tmp_path / "ours", content)
        with pytest.raises(TargetError, match="is there already with 16 bytes"):
            deliver(made, target, ledger, "run-2")
        with (
            target.session() as session,
            pytest.raises(TargetError, match="16 bytes, SHA-256 not read after writing"),
        ):
            session.send(part(made), lambda: None)
        assert sizes(target, [part(theirs)]) == [16]


def test_of_two_that_send_at_once_one_object_comes(bucket: Bucket, tmp_path: Path) -> None:
    made = part(package(tmp_path / "package", contents(1, 1000)))
    target = target_of(bucket)
    failed: list[TargetError] = []

    def send() -> None:
        try:
            with target.session() as session:
                session.send(made, lambda: None)
        except TargetError as error:
            failed.append(error)

    threads = [threading.Thread(target=send) for _ in range(4)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failed == []
    assert sizes(target, [made]) == [1000]


def test_a_cut_connection_is_made_anew(bucket: Bucket, tmp_path: Path, ledger: Ledger) -> None:
    made = package(tmp_path / "package", contents(2, LARGE))
    port = int(bucket["endpoint"].split(":")[2].partition("/")[0])
    with wire(port, cuts=2, cut_after=300_000) as laid:
        endpoint = bucket["endpoint"].replace(str(port), str(laid.port))
        deliver(made, target_of(bucket, endpoint=endpoint), ledger, "run-1", pause=0.01)
        assert laid.cuts == 0
    assert sizes(target_of(bucket), [part(made, 1), part(made, 2)]) == [LARGE, LARGE + 1]


def test_a_part_that_was_changed_after_packaging_is_not_delivered(
    bucket: Bucket, tmp_path: Path, ledger: Ledger
) -> None:
    made = package(tmp_path / "package", contents(1, LARGE))
    made.file(made.parts[0]).write_bytes(b"x" * LARGE)
    with pytest.raises(TargetError, match="was changed after it was packaged"):
        deliver(made, target_of(bucket), ledger, "run-1")
    assert sizes(target_of(bucket), [part(made)]) == [None]


def test_a_bucket_that_is_not_there_is_named(bucket: Bucket, tmp_path: Path, ledger: Ledger) -> None:
    name = "container" if bucket["kind"] == "azure" else "bucket"
    made = package(tmp_path / "package", contents(1, 1000))
    with pytest.raises(TargetError, match=r"target cloud \(.*nowhere"):
        deliver(made, target_of(bucket, **{name: "nowhere"}), ledger, "run-1", pause=0.01)
    assert states(ledger, "cloud") == [State.FAILED]


def test_a_check_goes_the_way_of_a_part(bucket: Bucket) -> None:
    steps = check(target_of(bucket))
    assert [(step.step, step.fix) for step in steps] == [
        ("connect", ""),
        ("write", ""),
        ("read back", ""),
        ("delete", ""),
    ]


def test_a_secret_that_is_not_set_is_named(bucket: Bucket, monkeypatch: pytest.MonkeyPatch) -> None:
    for name in ("BUCKET_ACCESS", "BUCKET_ACCOUNT", "BUCKET_KEY"):
        monkeypatch.delenv(name)
    with (
        pytest.raises(SettingsError, match=r"environment variable BUCKET_\w+ is not set"),
        target_of(bucket).session(),
    ):
        pass


def test_nobody_listening_is_told_whatever_numbers_the_address_has(bucket: Bucket, tmp_path: Path) -> None:
    made = part(package(tmp_path / "package", contents(1, 1000)))
    endpoint = bucket["endpoint"].replace(bucket["endpoint"].split(":")[2].partition("/")[0], "1")
    target = target_of(bucket, endpoint=endpoint, prefix="403/in 403.5ms")
    with target.session() as session, pytest.raises(UnreachableError, match="look at"):
        session.look(made)


@pytest.mark.parametrize("bucket", ["s3"], indirect=True)
def test_a_wrong_key_is_refused_and_not_repeated(
    bucket: Bucket, tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUCKET_SECRET", "hunter2")
    made = package(tmp_path / "package", contents(1, 1000))
    with pytest.raises(LoginError, match="has not expired") as caught:
        deliver(made, target_of(bucket), ledger, "run-1")
    assert "hunter2" not in str(caught.value)


@pytest.mark.parametrize("bucket", ["azure"], indirect=True)
@pytest.mark.parametrize(
    ("permissions", "until"), [("rwcdl", timedelta(hours=-1)), ("rl", timedelta(hours=1))], ids=["expired", "reads"]
)
def test_a_sas_token_that_may_not_write_is_refused_and_not_repeated(
    permissions: str,
    until: timedelta,
    bucket: Bucket,
    tmp_path: Path,
    ledger: Ledger,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    token = azure.sas(permissions, until)
    monkeypatch.setenv("BUCKET_SAS", token)
    made = package(tmp_path / "package", contents(1, 1000))
    with pytest.raises(LoginError, match="has not expired") as caught:
        deliver(made, target_of(bucket, access_key=None, sas="${BUCKET_SAS}"), ledger, "run-1")
    for piece in token.split("&"):
        assert piece.partition("=")[2] not in str(caught.value) or len(piece) < 10
    assert caught.value.__cause__ is None
    assert caught.value.__suppress_context__


@pytest.mark.parametrize("bucket", ["azure"], indirect=True)
def test_a_sas_token_is_not_repeated_where_nobody_answers(
    bucket: Bucket, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUCKET_SAS", azure.sas("rwcdl", timedelta(hours=1)))
    made = part(package(tmp_path / "package", contents(1, 1000)))
    target = target_of(bucket, access_key=None, sas="${BUCKET_SAS}", endpoint="http://127.0.0.1:1/acme")
    with target.session() as session, pytest.raises(UnreachableError, match="look at") as caught:
        session.look(made)
    assert "sig=" not in str(caught.value)


@pytest.mark.parametrize("bucket", ["azure"], indirect=True)
def test_a_sas_token_that_may_write_delivers(
    bucket: Bucket, tmp_path: Path, ledger: Ledger, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUCKET_SAS", azure.sas("rwcdl", timedelta(hours=1)))
    made = package(tmp_path / "package", contents(1, 1000))
    target = target_of(bucket, access_key=None, sas="${BUCKET_SAS}")
    deliver(made, target, ledger, "run-1")
    assert sizes(target, [part(made)]) == [1000]


@pytest.mark.parametrize("bucket", ["gcs"], indirect=True)
def test_a_service_account_that_is_none_is_refused_and_not_repeated(
    bucket: Bucket, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("BUCKET_ACCOUNT", "hunter2")
    with pytest.raises(TargetError, match="can't open") as caught, target_of(bucket).session():
        pass
    assert "hunter2" not in str(caught.value)
