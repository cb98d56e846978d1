"""Alerts as plain e-mail. What the server says is not repeated beyond its code, since it may hold the login."""

from __future__ import annotations

import logging
import smtplib
import ssl
from contextlib import closing, suppress
from email.message import EmailMessage
from email.utils import formatdate, make_msgid

from optimove_pipeline.alerts.alert import Alert
from optimove_pipeline.settings.alerts import Email
from optimove_pipeline.settings.secrets import reveal

logger = logging.getLogger(__name__)

TIMEOUT_SECONDS = 10.0


def mail(email: Email, alert: Alert) -> str | None:
    """Send an alert; return why the server did not take it, if so.

    The server has taken it when it has for one address at least; those that it refused are logged.

    Raises:
        SettingsError: the environment lacks the login.
    """
    login = (reveal(email.username), reveal(email.password)) if email.username and email.password else None
    try:
        refused = _send(email, login, _letter(email, alert))
    except (OSError, smtplib.SMTPException) as error:
        return _reason(email, error)
    if refused:
        logger.warning("The mail server refused %s: check alerts.email.to", ", ".join(sorted(refused)))
    return None


def _send(email: Email, login: tuple[str, str] | None, letter: EmailMessage) -> dict[str, tuple[int, bytes]]:
    with closing(_connected(email)) as server:
        if email.security == "starttls":
            server.starttls(context=ssl.create_default_context())
        if login:
            server.login(*login)
        refused = server.send_message(letter)
        # The letter is taken; a server that ends the connection its own way has still taken it.
        with suppress(OSError, smtplib.SMTPException):
            server.quit()
        return refused


def _connected(email: Email) -> smtplib.SMTP:
    if email.security == "tls":
        context = ssl.create_default_context()
        return smtplib.SMTP_SSL(email.host, email.port, timeout=TIMEOUT_SECONDS, context=context)
    return smtplib.SMTP(email.host, email.port, timeout=TIMEOUT_SECONDS)


def _letter(email: Email, alert: Alert) -> EmailMessage:
    letter = EmailMessage()
    letter["Subject"] = " ".join(alert.title.split())
    letter["From"] = email.sender
    letter["To"] = ", ".join(email.to)
    letter["Date"] = formatdate()
    letter["Message-ID"] = make_msgid(domain=email.sender.partition("@")[2])
    letter.set_content(alert.text)
    return letter


def _reason(email: Email, error: Exception) -> str:
    """Return what went wrong and what to check."""
    server = f"{email.host}:{email.port}"
    if isinstance(error, smtplib.SMTPAuthenticationError):
        return f"{server} refused the login ({error.smtp_code}): check alerts.email.username and password"
    if isinstance(error, smtplib.SMTPNotSupportedError):
        return f"{server} does not offer what was asked: check alerts.email.security ({email.security}) and the login"
    if isinstance(error, smtplib.SMTPRecipientsRefused):
        return f"{server} refused {', '.join(sorted(error.recipients))}: check alerts.email.to"
    if isinstance(error, smtplib.SMTPResponseException):
        return f"{server} refused the letter ({error.smtp_code}): check alerts.email.sender, and the server's own log"
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"{server} has a certificate that is not trusted ({error.verify_message}): check alerts.email.host"
    if isinstance(error, ssl.SSLError | smtplib.SMTPServerDisconnected):
        return f"{server} ended the connection: check alerts.email.port and security ({email.security})"
    if isinstance(error, TimeoutError):
        return f"{server} gave no answer within {TIMEOUT_SECONDS:g} s: check alerts.email.host, port and security"
    return (
        f"{server} can't be reached ({getattr(error, 'strerror', None) or type(error).__name__}): check the network"
    )
