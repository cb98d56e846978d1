"""``serve``: serves the deliveries of an API target, or in the sandbox what was made for its company."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import UTC, date, datetime

from optimove_pipeline.config import Settings
from optimove_pipeline.datasets.forgotten import forgotten_in
from optimove_pipeline.datasets.packaging import options_of
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.packages import MANIFEST, Package, open_package
from optimove_pipeline.serving.access import Access, Client, access_of, digest
from optimove_pipeline.serving.app import Served, tables_by_name
from optimove_pipeline.serving.connections import Connections
from optimove_pipeline.serving.readiness import DayReadiness, day_readiness
from optimove_pipeline.serving.server import serve
from optimove_pipeline.serving.store import store_file, writing
from optimove_pipeline.settings.delivery import Delivery
from optimove_pipeline.stages.table_rows import rows_of
from optimove_pipeline.stages.validate import VALIDATED
from optimove_pipeline.staging import Staging
from optimove_pipeline.target_feeds import tables_at, used_targets
from optimove_pipeline.targets.kinds.api import ApiClient, ApiSettings

SANDBOX = "sandbox_api"
"""The target of the sandbox's API, and its client."""

SANDBOX_KEY = "sandbox-api-key"

_RUN = "serve"


def serve_target(settings: Settings, target: str | None, port: int | None, tell: Callable[[str], None]) -> None:
    """Serve an API target, by its name or the only one, until interrupted.

    Raises:
        SettingsError: there is no such target, or its settings can't work.
    """
    if settings.sandbox:
        _serve_sandbox(settings, port, tell)
        return
    name = _name(settings, target)
    own = settings.target(name)
    if not isinstance(own, ApiSettings):
        raise SettingsError(f"targets.{name}: it is of kind {own.kind}; only targets of kind api are served")
    _serve(settings, name, own, access_of(name, own), port, tell)


def _name(settings: Settings, target: str | None) -> str:
    used = [name for name in used_targets(settings) if isinstance(settings.target(name), ApiSettings)]
    if target is None and len(used) == 1:
        return used[0]
    if target not in used_targets(settings):
        known = ", ".join(used) or "none"
        raise SettingsError(
            f"{target or 'serve'}: name a target of kind api that a feed is delivered to; there are: {known}"
        )
    return target


def _serve(
    settings: Settings, name: str, own: ApiSettings, access: Access, port: int | None, tell: Callable[[str], None]
) -> None:
    tables, path = tables_by_name(tables_at(settings, name)), store_file(settings.data_dir, name)
    with writing(path):
        pass

    def readiness(day: date | None) -> DayReadiness:
        return day_readiness(settings, name, datetime.now(UTC), day)

    def ready(address: str) -> None:
        tell(f"The API of {name} answers at {address}, its documentation at {address}/docs. Ctrl-C ends it.")

    serve(Served(own, access, tables, Connections(path), readiness), name, port, ready)


def _serve_sandbox(settings: Settings, port: int | None, tell: Callable[[str], None]) -> None:
    """Serve all packages that were made for the sandbox's company, with a key that is told."""
    own = ApiSettings(kind="api", clients=(ApiClient(name=SANDBOX, key="${SANDBOX_API_KEY}"),))
    with_api = settings.model_copy(
        update={
            "targets": {**settings.targets, SANDBOX: own},
            "delivery": Delivery(reports="none", datasets=(SANDBOX,)),
        }
    )
    loaded = _load_packages(with_api, own)
    tell(f"{loaded} packages of the sandbox are served." if loaded else "No packages yet: optimove-pipeline deliver")
    tell(f"The key is {SANDBOX_KEY}; send it as X-API-Key.")
    client = Client(SANDBOX, own.clients[0].requests_per_minute, key=digest(SANDBOX_KEY))
    _serve(with_api, SANDBOX, own, Access(SANDBOX, (client,)), port, tell)


def _load_packages(settings: Settings, own: ApiSettings) -> int:
    """Load what is packaged of the data sets, the oldest first; return how many partitions that is."""
    target, staging, count = own.open(SANDBOX, settings.data_dir), Staging(settings.data_dir / "staging"), 0
    for dataset in settings.chosen_datasets:
        forgotten = forgotten_in(settings, dataset, staging)
        for made in _packages(settings, dataset.name):
            partition = staging.find(VALIDATED, dataset.name, made.day)
            if partition is not None:
                target.load(rows_of(dataset, options_of(settings, dataset), partition, made, _RUN, forgotten))
                count += 1
    return count


def _packages(settings: Settings, feed: str) -> Iterator[Package]:
    for manifest in sorted((settings.packages_folder / feed).glob(f"*/{MANIFEST}")):
        yield open_package(manifest.parent)
