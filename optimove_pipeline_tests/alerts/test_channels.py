"""Alerts arrive over each channel, what goes wrong is said with what to do, and no secret is in it."""

from __future__ import annotations

import logging
import re
import socket
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from optimove_pipeline.alerts.alert import Alert, AlertKind
from optimove_pipeline.alerts.channels import channels
from optimove_pipeline.config import parse_settings
from optimove_pipeline_tests.servers.mail import LOGIN, certificate, mail_server
from optimove_pipeline_tests.servers.webhook import webhook

ALERT = Alert(
    AlertKind.LATE, "late:2026-11-20", "2026-11-20 is late", "promo_codes & 2 more <late>\nMüller: pull it."
)
USER, PASSWORD = (value.decode() for value in LOGIN)


@pytest.fixture(scope="module")
def own_certificate(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return certificate(tmp_path_factory.mktemp("certificate"))


def send(channel: str, **alerts: Any) -> str | None:
    document = {"tenant": {"name": "shop"}, "alerts": alerts}
    return channels(parse_settings(document, source="a test", data_dir=Path("data")))[channel](ALERT)


def send_mail(port: int, **email: Any) -> str | None:
    own = {"host": "127.0.0.1", "port": port, "sender": "optimove@example.com", "to": ["ops@example.com"]}
    return send("email", email=own | email)


@pytest.fixture
def everything_logged(caplog: pytest.LogCaptureFixture) -> Iterator[pytest.LogCaptureFixture]:
    with caplog.at_level(logging.DEBUG):
        for name in ("httpx", "httpcore"):
            caplog.set_level(logging.DEBUG, name)
        yield caplog


def test_the_log_takes_every_alert(caplog: pytest.LogCaptureFixture) -> None:
    assert send("log") is None
    assert [record.levelname for record in caplog.records] == ["ERROR"]
    assert caplog.messages == [f"Alert: shop: 2026-11-20 is late\n{ALERT.text}"]


def test_a_webhook_is_sent_a_text_as_slack_wants_it(monkeypatch: pytest.MonkeyPatch) -> None:
    with webhook() as hook:
        monkeypatch.setenv("HOOK", hook.url)
        assert send("webhook", webhook={"url": "${HOOK}"}) is None
    assert hook.sent == [
        {"text": "*shop: 2026-11-20 is late*\npromo_codes &amp; 2 more &lt;late&gt;\nMüller: pull it."}
    ]


@pytest.mark.parametrize(
    ("status", "body", "problem"),
    [
        (404, "no_service", "answered 404 (no_service): the webhook is not there any more, or the address is wrong"),
        (404, "nothing at /services/T000/B000/canary", "answered 404: the webhook is not there any more"),
        (403, "canary", "answered 403: the webhook is not there any more"),
        (400, "invalid_payload", "answered 400 (invalid_payload): it does not take JSON as Slack does"),
        (429, "rate_limited", "answered 429 (rate_limited): the service is busy or down, it is tried again"),
        (502, "<html>", "answered 502: the service is busy or down"),
        (302, "", "answered 302: a redirect is not followed: give the final address"),
    ],
)
def test_a_webhook_that_refuses_says_what_to_do_and_nothing_of_its_address(
    status: int,
    body: str,
    problem: str,
    monkeypatch: pytest.MonkeyPatch,
    everything_logged: pytest.LogCaptureFixture,
) -> None:
    with webhook() as hook:
        hook.answers = [(status, body)]
        monkeypatch.setenv("HOOK", hook.url)
        said = send("webhook", webhook={"url": "${HOOK}"})
    assert said is not None
    assert said.startswith(problem)
    assert "canary" not in said + everything_logged.text


def unused_port() -> int:
    with closing(socket.create_server(("127.0.0.1", 0))) as listening:
        port: int = listening.getsockname()[1]
    return port


@pytest.mark.parametrize(
    ("url", "problem"),
    [
        ("http://127.0.0.1:{port}/canary", "can't be reached (.*): check the address and the network"),
        ("ftp://127.0.0.1:{port}/canary", "the address is not one of the web: it begins with https://"),
        ("canary", "the address is not one of the web"),
        ("http://127.0.0.1:{port}/can\nary", "the address is not one of the web"),
    ],
)
def test_a_webhook_that_cannot_be_reached_says_why_and_nothing_of_its_address(
    url: str, problem: str, monkeypatch: pytest.MonkeyPatch, everything_logged: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("HOOK", url.format(port=unused_port()))
    said = send("webhook", webhook={"url": "${HOOK}"})
    assert said is not None
    assert re.match(problem, said)
    assert "canary" not in said + everything_logged.text


def test_a_webhook_without_its_variable_names_the_variable(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("HOOK", raising=False)
    said = send("webhook", webhook={"url": "${HOOK}"})
    assert said == "the environment variable HOOK is not set, but the settings refer to it"


@pytest.mark.parametrize("security", ["none", "starttls", "tls"])
def test_a_letter_arrives_over_every_kind_of_connection(
    security: str, own_certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate))
    with mail_server(security, own_certificate) as mailbox:
        assert send_mail(mailbox.port, security=security, to=["ops@example.com", "data@example.com"]) is None
    (letter,) = mailbox.letters
    assert letter["Subject"] == "shop: 2026-11-20 is late"
    assert letter["From"] == "optimove@example.com"
    assert letter["To"] == "ops@example.com, data@example.com"
    assert letter.get_content().splitlines() == ALERT.text.splitlines()


@pytest.mark.parametrize("security", ["starttls", "tls"])
def test_a_server_that_wants_a_login_gets_it(
    security: str, own_certificate: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate))
    monkeypatch.setenv("MAIL_USER", USER)
    monkeypatch.setenv("MAIL_PASSWORD", PASSWORD)
    with mail_server(security, own_certificate) as mailbox:
        login = {"username": "${MAIL_USER}", "password": "${MAIL_PASSWORD}"}
        assert send_mail(mailbox.port, security=security, **login) is None
    assert len(mailbox.letters) == 1
    assert mailbox.logins == [USER]


def test_a_refused_login_is_said_without_user_and_password(
    own_certificate: Path, monkeypatch: pytest.MonkeyPatch, everything_logged: pytest.LogCaptureFixture
) -> None:
    monkeypatch.setenv("SSL_CERT_FILE", str(own_certificate))
    monkeypatch.setenv("MAIL_USER", "canary-user")
    monkeypatch.setenv("MAIL_PASSWORD", "canary-password")
    with mail_server("tls", own_certificate) as mailbox:
        login = {"username": "${MAIL_USER}", "password": "${MAIL_PASSWORD}"}
        said = send_mail(mailbox.port, security="tls", **login)
    assert said == (f"127.0.0.1:{mailbox.port} refused the login (535): check alerts.email.username and password")
    assert mailbox.letters == []
    assert "canary" not in everything_logged.text


def test_a_certificate_that_nobody_trusts_stops_the_letter(own_certificate: Path) -> None:
    with mail_server("tls", own_certificate) as mailbox:
        said = send_mail(mailbox.port, security="tls")
    assert said is not None
    assert "has a certificate that is not trusted (self-signed certificate): check alerts.email.host" in said
    assert mailbox.letters == []


def test_a_server_without_starttls_gets_no_letter_in_the_clear() -> None:
    with mail_server("none") as mailbox:
        said = send_mail(mailbox.port)
    assert said is not None
    assert "does not offer what was asked: check alerts.email.security (starttls)" in said
    assert mailbox.letters == []


def test_a_refused_address_is_named() -> None:
    with mail_server("none") as mailbox:
        mailbox.refused = {"ops@example.com"}
        said = send_mail(mailbox.port, security="none")
    assert said == f"127.0.0.1:{mailbox.port} refused ops@example.com: check alerts.email.to"


def test_a_letter_that_one_of_two_addresses_got_is_not_sent_again_to_it(caplog: pytest.LogCaptureFixture) -> None:
    with mail_server("none") as mailbox:
        mailbox.refused = {"ops@example.com"}
        assert send_mail(mailbox.port, security="none", to=["ops@example.com", "data@example.com"]) is None
    assert len(mailbox.letters) == 1
    assert caplog.messages == ["The mail server refused ops@example.com: check alerts.email.to"]


def test_a_mail_server_that_is_not_there_is_named() -> None:
    port = unused_port()
    said = send_mail(port, security="none")
    assert said == f"127.0.0.1:{port} can't be reached (Connection refused): check the network"


def test_a_mail_server_spoken_to_the_wrong_way_is_named(own_certificate: Path) -> None:
    with mail_server("none") as mailbox:
        said = send_mail(mailbox.port, security="tls")
    assert said == f"127.0.0.1:{mailbox.port} ended the connection: check alerts.email.port and security (tls)"


def test_the_title_of_a_letter_is_one_line() -> None:
    two_lines = Alert(AlertKind.LATE, "key", "one\r\nBcc: all@example.com", "text")
    email = {"host": "127.0.0.1", "security": "none", "sender": "a@example.com", "to": ["b@example.com"]}
    with mail_server("none") as mailbox:
        document = {"alerts": {"email": email | {"port": mailbox.port}}}
        settings = parse_settings(document, source="a test", data_dir=Path("data"))
        assert channels(settings)["email"](two_lines) is None
    assert mailbox.letters[0]["Subject"] == "tenant: one Bcc: all@example.com"
    assert mailbox.letters[0]["Bcc"] is None


def test_only_channels_of_the_settings_are_there() -> None:
    assert [*channels(parse_settings({}, source="a test", data_dir=Path("data")))] == ["log"]
