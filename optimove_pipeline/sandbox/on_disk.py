"""The part of a sandbox that lies on disk, if it has a folder: its company's database, and its SFTP server."""

import threading
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from datetime import date
from pathlib import Path
from typing import TYPE_CHECKING

from optimove_pipeline.sandbox.options import today_in_utc
from optimove_pipeline.sandbox.places import Places
from optimove_pipeline.sandbox.service import Service

if TYPE_CHECKING:  # importing it takes a quarter of a second
    from optimove_pipeline.sandbox.receiver.server import Receiver

_SECONDS_BETWEEN_LOOKS = 30.0


@contextmanager
def on_disk(service: Service) -> "Iterator[Receiver | None]":
    """Make the company and serve SFTP until the block ends; nothing of it for a sandbox without a folder.

    Raises:
        SettingsError: The port is taken.
    """
    places = places_of(service)
    if places is None:
        yield None
        return
    with ExitStack() as stack:
        refresh_company(service)
        ended = stack.enter_context(_ending())
        threading.Thread(target=_keep_current, args=(service, ended), name="sandbox-company", daemon=True).start()
        yield stack.enter_context(_receiver(service, places))


def places_of(service: Service) -> Places | None:
    """Where the sandbox's files are, if it has a folder."""
    return Places(Path(service.options.folder)) if service.options.folder else None


def refresh_company(service: Service, now: date | None = None) -> None:
    """Make the company's database for the tenant's current date (``now`` where that is the real one), if need be."""
    from optimove_pipeline.sandbox.company.database import build_company

    places = places_of(service)
    if places is not None:
        build_company(places.company, service.tenant.today or now or today_in_utc(), service.options.seed)


def refresh_when_due(service: Service, made: date, now: date) -> date:
    """Make the company anew if its date is the real one, ``now``, and was ``made`` for another; return its date.

    A fixed date moves by a control, which makes the company anew itself.
    """
    if service.tenant.today is None and now != made:
        refresh_company(service, now)
        return now
    return made


@contextmanager
def _receiver(service: Service, places: Places) -> "Iterator[Receiver]":
    from optimove_pipeline.sandbox.receiver.server import ReceiverOptions, running_receiver

    chosen = service.options
    options = ReceiverOptions(chosen.host, chosen.sftp_port, chosen.username, chosen.password, chosen.public_key)
    # The script is another one after each reset.
    with running_receiver(places, options, lambda *met: service.script.take(*met)) as receiver:
        yield receiver


@contextmanager
def _ending() -> Iterator[threading.Event]:
    ended = threading.Event()
    try:
        yield ended
    finally:
        ended.set()


def _keep_current(service: Service, ended: threading.Event) -> None:
    made = today_in_utc()
    while not ended.wait(_SECONDS_BETWEEN_LOOKS):
        made = refresh_when_due(service, made, today_in_utc())
