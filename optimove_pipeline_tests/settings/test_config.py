"""The tenant's settings: every key, right and wrong."""

import json
from collections.abc import Iterator
from datetime import date
from pathlib import Path
from typing import Any, get_args

import pytest
from pydantic import BaseModel

from optimove_pipeline.config import Settings, load_settings, parse_settings, sandbox_settings
from optimove_pipeline.datasets.catalogue import CONTRACTS
from optimove_pipeline.errors import SettingsError
from optimove_pipeline.reports.catalogue import BY_NAME, REPORTS
from optimove_pipeline.session import api_options
from optimove_pipeline.targets.kinds import KINDS as ALL_KINDS
from optimove_pipeline_tests.settings import cloud_database_values, database_values, iceberg_values, snowflake_values

FILE = "optimove.yaml"
EACH = "reports.each.customers_by_action"
PACKED = "packages.each.customers_by_action"
SENT = "datasets.each.customers"
VOLUMES = ("datasets.volume", f"{SENT}.volume")

KINDS = ("local", "sftp", "s3", "gcs", "azure")
CLOUDS = KINDS[2:]
SERVERS = ("postgres", "mysql", "sqlserver")
DATABASES = (*SERVERS, "snowflake")
SIDE_FOLDER = "expected a folder below the target's own, such as manifests"

RIGHT: dict[str, Any] = {
    "tenant.name": "Müller & Söhne",
    "tenant.timezone": "Europe/London",
    "tenant.start_date": date(2026, 1, 31),
    "api.url": "https://api5.optimove.net/current",
    "api.key": "${ANOTHER_KEY}",
    "api.login.username": "${OPTIMOVE_USER}",
    "api.login.password": "${OPTIMOVE_PASSWORD}",
    "api.page_size": 5000,
    "api.stop_at": "proven_short_page",
    "api.timeout_seconds": 30,
    "api.concurrency": 4,
    "api.attempts": 2,
    "api.circuit_failures": 3,
    "budget.windows.0.calls": 100,
    "budget.windows.0.seconds": 2.5,
    "budget.backfill_reserve": 0.5,
    "budget.guard_seconds": 0,
    "budget.database": "${BUDGET_DATABASE}",
    "reports.select": ["promo_codes"],
    "reports.planning": "exhaustive",
    "reports.attributes": ["Alias", "Country"],
    "reports.tolerated_share": 0.05,
    "reports.chunk.interval": "monthly",
    "reports.chunk.size": 7,
    "reports.filters.actions": [1, 2],
    "reports.filters.target_groups": [9],
    "reports.filters.channels": [504],
    "reports.filters.campaigns": [221],
    "reports.filters.changed_attributes": ["OptimailUnsubscribed"],
    "reports.filters.lifecycle_stages": [1],
    "reports.filters.attribute_value.attribute": "Country",
    "reports.filters.attribute_value.value": "UK",
    "reports.filters.events": [2, 3],
    "reports.filters.activity_events": ["login"],
    f"{EACH}.attributes": ["Alias"],
    f"{EACH}.look_back": 3,
    f"{EACH}.tolerated_share": 0.2,
    f"{EACH}.function": "customers/GetCustomersByActionV2",
    f"{EACH}.parameters": {"Date": "ExecutionDate"},
    f"{EACH}.paged": False,
    "readiness.time": "23:59",
    "readiness.deadline_hours": 2.5,
    "readiness.poll_minutes": 1,
    "readiness.catch_up_days": 3,
    "alerts.kinds": ["late", "budget"],
    "alerts.budget_wait_minutes": 5,
    "alerts.ui_url": "https://dagster.example.com",
    "alerts.webhook.url": "${ALERTS_WEBHOOK}",
    "alerts.email.host": "smtp.example.com",
    "alerts.email.port": 465,
    "alerts.email.security": "tls",
    "alerts.email.username": "${MAIL_USER}",
    "alerts.email.password": "${MAIL_PASSWORD}",
    "alerts.email.sender": "optimove@example.com",
    "alerts.email.to": ["ops@example.com"],
    "schedules.0.name": "last_week_again",
    "schedules.0.cron": "30 7 * * 1",
    "schedules.0.period": "previous_week",
    "schedules.0.days": 7,
    "schedules.0.days_back": 3,
    "schedules.0.timezone_offset": -2.5,
    "schedules.0.reports": ["promo_codes"],
    "schedules.0.backfill": True,
    "listener.host": "10.0.0.7",
    "listener.port": 9000,
    "listener.secret": "${EVENTS_SECRET}",
    "listener.header": "X-Event-Secret",
    "datasets.preset": "ecommerce",
    "datasets.contracts": [CONTRACTS / "retail.yaml"],
    "datasets.select": ["customers"],
    "datasets.source": "shop",
    "datasets.change_column": "updated_at",
    "datasets.starts": "01:00",
    "datasets.readiness": "05:30",
    "datasets.warn_minutes": 45,
    "datasets.accepted_within_hours": 6.5,
    "datasets.overlap_hours": 0,
    "datasets.delay_minutes": 0,
    "datasets.first_day": date(2026, 2, 1),
    "datasets.history_months": 1,
    "datasets.tolerated_share": 0.05,
    "datasets.missing_files": "warn",
    "datasets.rules": {"trim": "warn", "email:Email": "block"},
    "datasets.currency": "EUR",
    **{f"{volume}.compare_average": False for volume in VOLUMES},
    **{f"{volume}.days_backwards": 28 for volume in VOLUMES},
    **{f"{volume}.factor": 0.5 for volume in VOLUMES},
    **{f"{volume}.most": 2.5 for volume in VOLUMES},
    **{f"{volume}.blocks": False for volume in VOLUMES},
    **{f"{volume}.ignored_weekdays": ["sunday"] for volume in VOLUMES},
    **{f"{volume}.by_weekday": False for volume in VOLUMES},
    f"{SENT}.source": "crm",
    f"{SENT}.table": "crm.players",
    f"{SENT}.query": "SELECT * FROM crm.players",
    f"{SENT}.columns.Email.column": "mail",
    f"{SENT}.columns.Email.values": {"none@example.com": ""},
    f"{SENT}.columns.Email.format": "%d.%m.%Y",
    f"{SENT}.columns.Email.timezone": "Europe/London",
    f"{SENT}.columns.Brand.constant": 7,
    f"{SENT}.omit": ["Alias"],
    f"{SENT}.change_column": "changed_at",
    f"{SENT}.load": "snapshot",
    f"{SENT}.cadence": "hourly",
    f"{SENT}.starts": "01:30",
    f"{SENT}.readiness": "05:00",
    f"{SENT}.within_minutes": 20,
    f"{SENT}.complete.query": "SELECT count(*) FROM loads WHERE day = ?",
    f"{SENT}.complete.marker": "/drop/{date:%Y%m%d}.done",
    f"{SENT}.complete.newest_change": True,
    f"{SENT}.expected": False,
    f"{SENT}.rules": {"length:Email": "warn"},
    f"{SENT}.currency": "USD",
    f"{SENT}.tolerated_share": 0.2,
    "delivery.reports": "none",
    "delivery.datasets": ["outbox"],
    "delivery.each": {"promo_codes": "none", "customers": ("outbox",)},
    "delivery.changed_reports": "refuse",
    "packages.format": "ndjson",
    "packages.compression": "none",
    "packages.gzip_level": 0,
    "packages.part_bytes": 1_000_000_000,
    "packages.name": "{feed}_{part}_{date}.{extension}",
    "packages.empty_day": "none",
    "packages.dates": "%d/%m/%Y",
    "packages.times": "%Y-%m-%d %H:%M:%S%.6f UTC",
    "packages.flags": "1/0",
    "packages.decimal_places": 2,
    "packages.csv.delimiter": "pipe",
    "packages.csv.quote": "single",
    "packages.csv.line_end": "crlf",
    "packages.csv.header": False,
    "packages.csv.null_text": "\\N",
    "packages.ndjson.decimals": "number",
    "packages.ndjson.ids": "number",
    "packages.ndjson.nulls": "left_out",
    "packages.parquet.compression": "zstd",
    "packages.parquet.decimal_digits": 38,
    "packages.parquet.times": "naive",
    "packages.text.trim": False,
    "packages.text.line_breaks": "keep",
    "packages.text.control_characters": "keep",
    "packages.text.normalize": "none",
    "packages.text.empty": "keep",
    f"{PACKED}.table": "Customer_Actions",
    f"{PACKED}.format": "parquet",
    f"{PACKED}.name": "{table}-{date}-{part}",
    f"{PACKED}.empty_day": "none",
    f"{PACKED}.fields": {"scheduled_time": "%Y-%m-%dT%H:%M:%SZ", "context": "json"},
    **{f"targets.{kind}.attempts": 3 for kind in KINDS},
    **{f"targets.{kind}.manifest_folder": "manifests" for kind in KINDS},
    **{f"targets.{kind}.test_folder": "/trials" for kind in KINDS},
    **{f"targets.{kind}.read_back": False for kind in KINDS},
    **{f"targets.{kind}.connections": 16 for kind in KINDS if kind != "local"},
    **{f"targets.{kind}.timeout_seconds": 2.5 for kind in KINDS if kind != "local"},
    **{f"targets.{kind}.prefix": "to/optimove" for kind in CLOUDS},
    **{f"targets.{kind}.endpoint": "https://objects.example.com" for kind in CLOUDS},
    "targets.local.folder": "/mnt/optimove",
    "targets.sftp.host": "sftp.example.com",
    "targets.sftp.port": 2222,
    "targets.sftp.username": "${SFTP_USER}",
    "targets.sftp.password": "${SFTP_PASSWORD}",
    "targets.sftp.key": "${SFTP_KEY}",
    "targets.sftp.key_file": "/etc/keys/optimove",
    "targets.sftp.passphrase": "${SFTP_PASSPHRASE}",
    "targets.sftp.host_keys": [f"SHA256:{'A' * 43}", "ssh-ed25519 AAAAC3Nz", "sftp.example.com ssh-rsa AAAAB3Nz= us"],
    "targets.sftp.folder": "/in/optimove",
    "targets.sftp.temporary_folder": "/in/work",
    "targets.sftp.rename": False,
    "targets.sftp.moved_at_once": True,
    "targets.sftp.request_kib": 32,
    "targets.s3.bucket": "acme-optimove",
    "targets.s3.region": "eu-west-1",
    "targets.s3.access_key": "${AWS_KEY}",
    "targets.s3.secret_key": "${AWS_SECRET}",
    "targets.gcs.bucket": "acme-optimove",
    "targets.gcs.service_account": "${GCS_ACCOUNT}",
    "targets.azure.account": "acme",
    "targets.azure.container": "optimove",
    "targets.azure.sas": "${AZURE_SAS}",
    "targets.azure.access_key": "${AZURE_KEY}",
    "targets.api.attempts": 3,
    "targets.api.clients.0.name": "optimove-prod",
    "targets.api.clients.0.key": "${PULL_KEY}",
    "targets.api.clients.0.secret": "${PULL_SECRET}",
    "targets.api.clients.0.requests_per_minute": 60,
    "targets.api.listen_on": "[::1]:9000",
    "targets.api.url": "https://data.example.com/optimove",
    "targets.api.tls_certificate": "/etc/tls/data.pem",
    "targets.api.tls_key": "/etc/tls/data.key",
    "targets.api.plain_http": True,
    "targets.api.allow": ["203.0.113.0/24", "2001:db8::1"],
    "targets.api.trusted_proxies": ["10.0.0.2"],
    "targets.api.signing_key": "${SIGNING_KEY}",
    "targets.api.token_minutes": 1440,
    "targets.api.most_rows": 1_000_000,
    "targets.api.pages_at_once": 64,
    "targets.api.cursor_hours": 720,
    "targets.api.decimals": "number",
    **{f"sources.{kind}.host": "db.example.com" for kind in SERVERS},
    **{f"sources.{kind}.port": 65_535 for kind in SERVERS},
    **{f"sources.{kind}.tls": "require" for kind in SERVERS},
    **{f"sources.{kind}.database": "crm" for kind in DATABASES},
    **{f"sources.{kind}.username": "${DB_USER}" for kind in DATABASES},
    **{f"sources.{kind}.password": "${DB_PASSWORD}" for kind in DATABASES},
    **{f"sources.{kind}.timeout_seconds": 2.5 for kind in (*DATABASES, "files")},
    **{f"sources.{kind}.ca_file": "/etc/ca.pem" for kind in ("postgres", "mysql")},
    "sources.snowflake.account": "acme-prod",
    "sources.snowflake.key_file": "/etc/keys/snowflake",
    "sources.snowflake.passphrase": "${SNOWFLAKE_PASSPHRASE}",
    "sources.snowflake.schema_name": "OPTIMOVE",
    "sources.snowflake.warehouse": "SMALL",
    "sources.snowflake.role": "READER",
    "sources.bigquery.project": "acme",
    "sources.bigquery.dataset": "crm",
    "sources.bigquery.region": "EU",
    "sources.bigquery.service_account": "${GOOGLE_ACCOUNT}",
    "sources.duckdb.path": "/data/company.duckdb",
    "sources.files.location": "s3://acme/exports",
    "sources.files.format": "ndjson",
    "sources.files.csv.delimiter": "\t",
    "sources.files.csv.quote": "'",
    "sources.files.csv.escape": "\\",
    "sources.files.csv.header": False,
    "sources.files.csv.null_text": "NULL",
    "sources.files.csv.encoding": "latin-1",
    "sources.files.endpoint": "https://objects.example.com",
    "sources.files.region": "eu-west-1",
    "sources.files.access_key": "${AWS_KEY}",
    "sources.files.secret_key": "${AWS_SECRET}",
    "sources.files.service_account": "${GCS_ACCOUNT}",
    "sources.files.sas": "${AZURE_SAS}",
    "warehouse.path": "/data/optimove.duckdb",
    "warehouse.lock_timeout_seconds": 5,
    "warehouse.preview": True,
    "retention.resume_hours": 0,
    "retention.landing_days": 1,
    "retention.staging_days": 40,
    "retention.package_days": 30,
    **iceberg_values.RIGHT,
    **cloud_database_values.RIGHT,
    **database_values.RIGHT,
    **snowflake_values.RIGHT,
}

WRONG: dict[str, tuple[Any, str]] = {
    "tenant.name": (5, "expected text"),
    "tenant.timezone": ("Europe/Lodon", "'Europe/Lodon' is not a time zone; did you mean Europe/London?"),
    "tenant.start_date": ("31/01/2026", "expected a date such as 2026-11-20"),
    "api.url": ("", "expected text that is not empty"),
    "api.key": (7, "expected text"),
    "api.login.username": (7, "expected text"),
    "api.login.password": (7, "expected text"),
    "api.page_size": (0, "expected at least 1"),
    "api.stop_at": ("end", "expected 'empty_page' or 'proven_short_page'"),
    "api.timeout_seconds": (float("inf"), "expected a finite number"),
    "api.concurrency": (65, "expected at most 64"),
    "api.attempts": (True, "expected a whole number"),
    "api.circuit_failures": (1.5, "expected a whole number"),
    "budget.windows.0.calls": (0, "expected at least 1"),
    "budget.windows.0.seconds": (0, "expected more than 0"),
    "budget.backfill_reserve": (20, "expected at most 1"),
    "budget.guard_seconds": (-1, "expected at least 0"),
    "budget.database": (7, "expected text"),
    "reports.select": ("promo_codes", "expected `all` or a list of reports"),
    "reports.planning": ("all", "expected 'executed' or 'exhaustive'"),
    "reports.attributes": ("Alias", "expected a list"),
    "reports.tolerated_share": ("1%", "expected a number"),
    "reports.chunk.interval": ("weekly", "expected 'none', 'daily', 'monthly' or 'yearly'"),
    "reports.chunk.size": (1001, "expected at most 1000"),
    "reports.filters.actions": (12, "expected a list"),
    "reports.filters.target_groups": ({}, "expected a list"),
    "reports.filters.channels": ("email", "expected a list"),
    "reports.filters.campaigns": (None, "expected a list"),
    "reports.filters.changed_attributes": ("Country", "expected a list"),
    "reports.filters.lifecycle_stages": ("New", "expected a list"),
    "reports.filters.attribute_value.attribute": ("", "expected text that is not empty"),
    "reports.filters.attribute_value.value": (True, "expected text"),
    "reports.filters.events": ([], "expected at least 1 item"),
    "reports.filters.activity_events": ("login", "expected a list"),
    f"{EACH}.attributes": ("Alias", "expected a list"),
    f"{EACH}.look_back": (-1, "expected at least 0"),
    f"{EACH}.tolerated_share": (-0.1, "expected at least 0"),
    f"{EACH}.function": (7, "expected text"),
    f"{EACH}.parameters": (["Date"], "expected settings by name below it"),
    f"{EACH}.paged": ("yes", "expected true or false"),
    "readiness.time": (360, 'expected a UTC time in quotes, such as "06:00"'),
    "schedules.0.name": ("last week", "expected letters, digits and underscores"),
    "schedules.0.cron": ("daily", 'expected minute, hour, day, month and weekday, such as "30 7 * * 1"'),
    "schedules.0.period": (
        "last_week",
        "expected 'yesterday', 'week_to_date', 'previous_week', 'previous_week_to_date', 'month_to_date', "
        "'previous_month', 'previous_month_to_date' or 'year_to_date'",
    ),
    "schedules.0.days": (0, "expected at least 1"),
    "schedules.0.days_back": (-1, "expected at least 0"),
    "schedules.0.timezone_offset": (15.0, "expected at most 14"),
    "schedules.0.reports": ("promo_codes", "expected a list"),
    "schedules.0.backfill": ("yes", "expected true or false"),
    "readiness.deadline_hours": (25.0, "expected at most 24"),
    "readiness.poll_minutes": (0, "expected at least 1"),
    "readiness.catch_up_days": (367, "expected at most 366"),
    "alerts.kinds": ("late", "expected a list"),
    "alerts.budget_wait_minutes": (0, "expected at least 1"),
    "alerts.ui_url": ("dagster.example.com", "expected an address such as https://dagster.example.com"),
    "alerts.webhook.url": (7, "expected text"),
    "alerts.email.host": ("", "expected text that is not empty"),
    "alerts.email.port": (65536, "expected at most 65535"),
    "alerts.email.security": ("ssl", "expected 'starttls', 'tls' or 'none'"),
    "alerts.email.username": (7, "expected text"),
    "alerts.email.password": (7, "expected text"),
    "alerts.email.sender": ("Ops <ops@example.com>", "expected a bare e-mail address, such as ops@example.com"),
    "alerts.email.to": ([], "expected at least 1 item"),
    "listener.host": ("", "expected text that is not empty"),
    "listener.port": (65536, "expected at most 65535"),
    "listener.secret": (7, "expected text"),
    "listener.header": ("", "expected text that is not empty"),
    "packages.format": ("json", "expected 'csv', 'ndjson' or 'parquet'"),
    "packages.compression": ("zip", "expected 'gzip' or 'none'"),
    "packages.gzip_level": (6, "expected at most 3"),
    "packages.part_bytes": (1_000_000_001, "expected at most 1e+09"),
    "packages.name": ("{table}_{part}", "expected {date} and {part} in it, so that no two files have one name"),
    "packages.empty_day": ("skip", "expected 'part' or 'none'"),
    "packages.dates": ("%H", "expected a pattern such as %Y-%m-%d, made of %B, %Y, %b, %d, %j, %m, %y"),
    "packages.times": (
        "%s",
        "expected a pattern such as %Y-%m-%d %H:%M:%S, made of "
        "%.3f, %.6f, %3f, %6f, %B, %H, %I, %M, %S, %Y, %b, %d, %j, %m, %p, %y",
    ),
    "packages.flags": (True, "expected 'Yes/No', 'true/false' or '1/0'"),
    "packages.decimal_places": (5, "expected at most 4"),
    "packages.csv.delimiter": (",", "expected 'comma', 'semicolon', 'tab' or 'pipe'"),
    "packages.csv.quote": ('"', "expected 'double' or 'single'"),
    "packages.csv.line_end": ("\n", "expected 'lf' or 'crlf'"),
    "packages.csv.header": ("yes", "expected true or false"),
    "packages.csv.null_text": ('""', "expected text without delimiters, quotes and line breaks, such as \\N"),
    "packages.ndjson.decimals": ("fixed", "expected 'text' or 'number'"),
    "packages.ndjson.ids": ("string", "expected 'text' or 'number'"),
    "packages.ndjson.nulls": (None, "expected 'written' or 'left_out'"),
    "packages.parquet.compression": ("lzo", "expected 'snappy', 'gzip' or 'zstd'"),
    "packages.parquet.decimal_digits": (39, "expected at most 38"),
    "packages.parquet.times": ("local", "expected 'utc' or 'naive'"),
    "packages.text.trim": ("no", "expected true or false"),
    "packages.text.line_breaks": ("strip", "expected 'space' or 'keep'"),
    "packages.text.control_characters": ("drop", "expected 'strip' or 'keep'"),
    "packages.text.normalize": ("NFKC", "expected 'NFC' or 'none'"),
    "packages.text.empty": (None, "expected 'null' or 'keep'"),
    f"{PACKED}.table": (
        "Kund/inner",
        "expected English letters, digits, '_', '-' and '.' only, a letter or digit first",
    ),
    f"{PACKED}.format": ("xml", "expected 'csv', 'ndjson' or 'parquet'"),
    f"{PACKED}.name": (
        "{table}_{date}_{part}_{uuid}",
        "expected a name made of {table}, {feed}, {date}, {time}, {part}, {extension}",
    ),
    f"{PACKED}.empty_day": ("all", "expected 'part' or 'none'"),
    f"{PACKED}.fields": (["json"], "expected settings by name below it"),
    **{f"targets.{kind}.attempts": (0, "expected at least 1") for kind in KINDS},
    **{f"targets.{kind}.manifest_folder": ("../x", SIDE_FOLDER) for kind in KINDS},
    **{f"targets.{kind}.test_folder": ("", "expected text that is not empty") for kind in KINDS},
    **{f"targets.{kind}.read_back": ("yes", "expected true or false") for kind in KINDS},
    **{f"targets.{kind}.connections": (17, "expected at most 16") for kind in KINDS if kind != "local"},
    **{f"targets.{kind}.timeout_seconds": (0, "expected more than 0") for kind in KINDS if kind != "local"},
    **{f"targets.{kind}.prefix": (7, "expected text") for kind in CLOUDS},
    **{f"targets.{kind}.endpoint": ("", "expected text that is not empty") for kind in CLOUDS},
    "targets.local.folder": (7, "expected a path"),
    "targets.sftp.host": ("", "expected text that is not empty"),
    "targets.sftp.port": (65536, "expected at most 65535"),
    "targets.sftp.username": (7, "expected text"),
    "targets.sftp.password": (7, "expected text"),
    "targets.sftp.key": (7, "expected text"),
    "targets.sftp.key_file": (7, "expected a path"),
    "targets.sftp.passphrase": (7, "expected text"),
    "targets.sftp.host_keys": ("SHA256:AAAA", "expected a list"),
    "targets.sftp.folder": ("", "expected text that is not empty"),
    "targets.sftp.temporary_folder": ("", "expected text that is not empty"),
    "targets.sftp.rename": ("no", "expected true or false"),
    "targets.sftp.moved_at_once": (1, "expected true or false"),
    "targets.sftp.request_kib": (256, "expected at most 255"),
    "targets.s3.bucket": ("", "expected text that is not empty"),
    "targets.s3.region": ("", "expected text that is not empty"),
    "targets.s3.access_key": (7, "expected text"),
    "targets.s3.secret_key": (7, "expected text"),
    "targets.gcs.bucket": ("", "expected text that is not empty"),
    "targets.gcs.service_account": (7, "expected text"),
    "targets.azure.account": ("", "expected text that is not empty"),
    "targets.azure.container": ("", "expected text that is not empty"),
    "targets.azure.sas": (7, "expected text"),
    "targets.azure.access_key": (7, "expected text"),
    "targets.api.attempts": (0, "expected at least 1"),
    "targets.api.clients.0.name": ("Opti move", "expected a name of letters, digits, '.', '_' and '-', 60 at most"),
    "targets.api.clients.0.key": (7, "expected text"),
    "targets.api.clients.0.secret": (7, "expected text"),
    "targets.api.clients.0.requests_per_minute": (0, "expected at least 1"),
    "targets.api.listen_on": (
        "0.0.0.0:70000",
        "expected an address of this machine and a port, such as 127.0.0.1:8740",
    ),
    "targets.api.url": ("data.example.com", "expected an address such as https://data.example.com"),
    "targets.api.tls_certificate": (7, "expected a path"),
    "targets.api.tls_key": (7, "expected a path"),
    "targets.api.plain_http": ("yes", "expected true or false"),
    "targets.api.allow": ("203.0.113.7", "expected a list"),
    "targets.api.trusted_proxies": ("10.0.0.2", "expected a list"),
    "targets.api.signing_key": (7, "expected text"),
    "targets.api.token_minutes": (1441, "expected at most 1440"),
    "targets.api.most_rows": (1_000_001, "expected at most 1e+06"),
    "targets.api.pages_at_once": (65, "expected at most 64"),
    "targets.api.cursor_hours": (721, "expected at most 720"),
    "targets.api.decimals": ("float", "expected 'text' or 'number'"),
    **{f"sources.{kind}.host": ("", "expected text that is not empty") for kind in SERVERS},
    **{f"sources.{kind}.port": (0, "expected at least 1") for kind in SERVERS},
    "sources.postgres.tls": ("on", "expected 'disable', 'prefer', 'require' or 'verify-full'"),
    "sources.mysql.tls": ("prefer", "expected 'disable', 'require' or 'verify-full'"),
    "sources.sqlserver.tls": ("prefer", "expected 'disable', 'require' or 'verify-full'"),
    **{f"sources.{kind}.database": ("", "expected text that is not empty") for kind in DATABASES},
    **{f"sources.{kind}.username": ("", "expected text that is not empty") for kind in DATABASES},
    **{f"sources.{kind}.password": (7, "expected text") for kind in DATABASES},
    **{f"sources.{kind}.timeout_seconds": (0, "expected more than 0") for kind in (*DATABASES, "files")},
    **{f"sources.{kind}.ca_file": (7, "expected a path") for kind in ("postgres", "mysql")},
    "sources.snowflake.account": ("", "expected text that is not empty"),
    "sources.snowflake.key_file": (7, "expected a path"),
    "sources.snowflake.passphrase": (7, "expected text"),
    "sources.snowflake.schema_name": ("", "expected text that is not empty"),
    "sources.snowflake.warehouse": ("", "expected text that is not empty"),
    "sources.snowflake.role": ("", "expected text that is not empty"),
    "sources.bigquery.project": ("", "expected text that is not empty"),
    "sources.bigquery.dataset": ("", "expected text that is not empty"),
    "sources.bigquery.region": ("", "expected text that is not empty"),
    "sources.bigquery.service_account": (7, "expected text"),
    "sources.duckdb.path": (7, "expected a path"),
    "sources.files.location": (
        "ftp://acme/exports",
        "expected a folder, or s3://bucket/…, gs://bucket/… or az://account/container/…",
    ),
    "sources.files.format": ("xml", "expected 'csv', 'ndjson' or 'parquet'"),
    "sources.files.csv.delimiter": ("||", "expected one character that is no line break"),
    "sources.files.csv.quote": ("", "expected one character that is no line break"),
    "sources.files.csv.escape": ("\n", "expected one character that is no line break"),
    "sources.files.csv.header": ("yes", "expected true or false"),
    "sources.files.csv.null_text": (None, "expected text"),
    "sources.files.csv.encoding": ("ascii", "expected 'utf-8', 'latin-1' or 'utf-16'"),
    "sources.files.endpoint": ("", "expected text that is not empty"),
    "sources.files.region": ("", "expected text that is not empty"),
    "sources.files.access_key": (7, "expected text"),
    "sources.files.secret_key": (7, "expected text"),
    "sources.files.service_account": (7, "expected text"),
    "sources.files.sas": (7, "expected text"),
    "warehouse.path": (7, "expected a path"),
    "warehouse.lock_timeout_seconds": (0, "expected more than 0"),
    "warehouse.preview": (1, "expected true or false"),
    "retention.resume_hours": (-1, "expected at least 0"),
    "retention.landing_days": (0.5, "expected a whole number"),
    "retention.staging_days": (28, "expected at least 29"),
    "retention.package_days": (29, "expected at least 30"),
    "datasets.preset": ("poker", "expected 'casino', 'sport', 'sport_casino' or 'ecommerce'"),
    "datasets.contracts": ("contracts.yaml", "expected a list"),
    "datasets.select": ([], "expected at least 1 item"),
    "datasets.source": (7, "expected text"),
    "datasets.change_column": ("", "expected text that is not empty"),
    "datasets.starts": ("2:00", 'expected a UTC time in quotes, such as "06:00"'),
    "datasets.readiness": ("24:00", 'expected a UTC time in quotes, such as "06:00"'),
    "datasets.warn_minutes": (0, "expected at least 1"),
    "datasets.accepted_within_hours": (25, "expected at most 24"),
    "datasets.overlap_hours": (-1, "expected at least 0"),
    "datasets.delay_minutes": (0.5, "expected a whole number"),
    "datasets.first_day": ("soon", "expected a date such as 2026-11-20"),
    "datasets.history_months": (0, "expected at least 1"),
    "datasets.tolerated_share": ("1%", "expected a number"),
    "datasets.missing_files": ("ignore", "expected 'block' or 'warn'"),
    "datasets.rules": (["trim"], "expected settings by name below it"),
    "datasets.currency": ("euro", "expected a code of ISO 4217, such as EUR"),
    **{f"{volume}.compare_average": (1, "expected true or false") for volume in VOLUMES},
    **{f"{volume}.days_backwards": (367, "expected at most 366") for volume in VOLUMES},
    **{f"{volume}.factor": (20, "expected at most 1") for volume in VOLUMES},
    **{f"{volume}.most": (1.0, "expected more than 1") for volume in VOLUMES},
    **{f"{volume}.blocks": ("yes", "expected true or false") for volume in VOLUMES},
    **{f"{volume}.ignored_weekdays": ("sunday", "expected a list") for volume in VOLUMES},
    **{f"{volume}.by_weekday": ("no", "expected true or false") for volume in VOLUMES},
    f"{SENT}.source": ("", "expected text that is not empty"),
    f"{SENT}.table": (7, "expected text"),
    f"{SENT}.query": ("", "expected text that is not empty"),
    f"{SENT}.columns.Email.column": (7, "expected text"),
    f"{SENT}.columns.Email.values": (["a"], "expected settings by name below it"),
    f"{SENT}.columns.Email.format": ("", "expected text that is not empty"),
    f"{SENT}.columns.Email.timezone": (1, "expected text"),
    f"{SENT}.columns.Brand.constant": (None, "expected text, a number, true or false"),
    f"{SENT}.omit": ("Alias", "expected a list"),
    f"{SENT}.change_column": (7, "expected text"),
    f"{SENT}.load": ("all", "expected 'changes' or 'snapshot'"),
    f"{SENT}.cadence": ("weekly", "expected 'daily' or 'hourly'"),
    f"{SENT}.starts": (90, 'expected a UTC time in quotes, such as "06:00"'),
    f"{SENT}.within_minutes": (0, "expected at least 1"),
    f"{SENT}.readiness": (360, 'expected a UTC time in quotes, such as "06:00"'),
    f"{SENT}.complete.query": (7, "expected text"),
    f"{SENT}.complete.marker": ("", "expected text that is not empty"),
    f"{SENT}.complete.newest_change": ("yes", "expected true or false"),
    f"{SENT}.expected": (1, "expected true or false"),
    f"{SENT}.rules": (["trim"], "expected settings by name below it"),
    f"{SENT}.currency": ("usd", "expected a code of ISO 4217, such as EUR"),
    f"{SENT}.tolerated_share": (1.5, "expected at most 1"),
    "delivery.reports": ("all", "expected `none` or a list of targets"),
    "delivery.datasets": ([], "expected at least 1 item"),
    "delivery.each": ([], "expected settings by name below it"),
    "delivery.changed_reports": ("send", "expected 'redeliver' or 'refuse'"),
    **iceberg_values.WRONG,
    **cloud_database_values.WRONG,
    **database_values.WRONG,
    **snowflake_values.WRONG,
}

SCHEDULE = {"name": "again", "cron": "30 7 * * 1", "days": 7}

MAIL = {"host": "smtp.example.com", "sender": "optimove@example.com", "to": ["ops@example.com"]}

TARGETS: dict[str, dict[str, Any]] = {
    "local": {"kind": "local"},
    "sftp": {"kind": "sftp", "host": "sftp.example.com", "username": "acme", "key_file": "/etc/keys/optimove"},
    "s3": {"kind": "s3", "bucket": "acme"},
    "gcs": {"kind": "gcs", "bucket": "acme"},
    "azure": {"kind": "azure", "account": "acme", "container": "optimove"},
    "api": {"kind": "api", "clients": [{"name": "optimove", "key": "${PULL_KEY}"}]},
}


SOURCES: dict[str, dict[str, Any]] = {
    **{kind: {"kind": kind, "host": "db.example.com", "database": "crm", "username": "reader"} for kind in SERVERS},
    "snowflake": {
        "kind": "snowflake",
        "account": "acme",
        "database": "CRM",
        "username": "reader",
        "key_file": "/etc/keys/snowflake",
    },
    "bigquery": {"kind": "bigquery", "project": "acme"},
    "duckdb": {"kind": "duckdb", "path": "company.duckdb"},
    "files": {"kind": "files", "location": "exports", "format": "csv"},
}
CLOUD_OF = {"service_account": "gs://acme", "sas": "az://acme/exports"} | dict.fromkeys(
    ("region", "access_key", "secret_key"), "s3://acme"
)
PAIRS = {"access_key": "secret_key", "secret_key": "access_key"}


def beside_source(kind: str, key: str, *_: str) -> dict[str, Any]:
    """Return what must stand beside a key of a source."""
    whole = dict(SOURCES[kind])
    if kind == "files" and key in CLOUD_OF:
        whole |= {"location": CLOUD_OF[key], **({PAIRS[key]: "${OTHER}"} if key in PAIRS else {})}
    return {
        name: value for name, value in whole.items() if name not in {key, "key_file" if key == "password" else ""}
    }


def beside(kind: str, key: str) -> dict[str, Any]:
    """Return what must stand beside a key of a target."""
    alone = {"key_file"} if key in {"password", "key"} else set()
    pairs = {"access_key": "secret_key", "secret_key": "access_key"} if kind == "s3" else {}
    whole = {**TARGETS[kind], **({pairs[key]: "${OTHER}"} if key in pairs else {})}
    return {name: value for name, value in whole.items() if name not in {key, *alone}}


COMPANIONS: dict[str, Any] = {
    "api.login.username": {"password": "${P}"},
    "api.login.password": {"username": "${U}"},
    **{f"alerts.email.{key}": {k: MAIL[k] for k in MAIL if k != key} for key in (*MAIL, "port", "security")},
    "alerts.email.username": {**MAIL, "password": "${P}"},
    "alerts.email.password": {**MAIL, "username": "${U}"},
    "budget.windows.0.calls": {"seconds": 1},
    "budget.windows.0.seconds": {"calls": 1},
    "schedules.0.period": {"name": "again", "cron": "30 7 * * 1"},
    **{f"schedules.0.{key}": SCHEDULE for key in ("days_back", "timezone_offset", "reports", "backfill")},
    **{f"schedules.0.{key}": {k: SCHEDULE[k] for k in SCHEDULE if k != key} for key in SCHEDULE},
    **{
        key: beside(*key.split(".")[1:])
        for key in RIGHT
        if key.startswith("targets.") and key.split(".")[1] in TARGETS and ".clients." not in key
    },
    **{f"targets.api.clients.0.{key}": {"name": "optimove"} for key in ("key", "secret")},
    "targets.api.clients.0.name": {"key": "${PULL_KEY}"},
    "targets.api.clients.0.requests_per_minute": {"name": "optimove", "key": "${PULL_KEY}"},
    "targets.api.tls_certificate": {**TARGETS["api"], "tls_key": "/etc/tls/data.key"},
    "targets.api.tls_key": {**TARGETS["api"], "tls_certificate": "/etc/tls/data.pem"},
    **iceberg_values.COMPANIONS,
    **cloud_database_values.COMPANIONS,
    **database_values.COMPANIONS,
    **snowflake_values.COMPANIONS,
    **{key: beside_source(*key.split(".")[1:]) for key in RIGHT if key.startswith("sources.") and ".csv." not in key},
    **{f"{SENT}.columns.Email.{key}": {"column": "mail"} for key in ("values", "format", "timezone")},
    "reports.filters.attribute_value.attribute": {"value": "UK"},
    "reports.filters.attribute_value.value": {"attribute": "Country"},
}
"""What must stand beside a key for its section to be whole."""


def keys(section: type[BaseModel], place: str = "") -> Iterator[str]:
    """Yield every key of the YAML file, from the models themselves."""
    for name, field in section.model_fields.items():
        if field.exclude:
            continue
        if name in {"targets", "sources"}:
            for each in of_kinds(field.annotation):
                (kind,) = get_args(each.model_fields["kind"].annotation)
                yield from (key for key in keys(each, f"{name}.{kind}.") if not key.endswith(".kind"))
            continue
        if name == "columns":
            column, constant = sections(field.annotation)
            yield from (*keys(column, f"{place}columns.Email."), *keys(constant, f"{place}columns.Brand."))
            continue
        inner = next(sections(field.annotation), None)
        if place == "datasets." and name == "each":
            yield from keys(next(sections(field.annotation)), f"{SENT}.")
            continue
        middle = {
            "each": ".customers_by_action",
            "windows": ".0",
            "schedules": ".0",
            "clients": ".0",
            "consumers": ".0",
        }.get(name, "")
        if inner is None:
            yield f"{place}{name}"
        else:
            yield from keys(inner, f"{place}{name}{middle}.")


def of_kinds(annotation: Any) -> Iterator[type[BaseModel]]:
    return (each for each in sections(annotation) if "kind" in each.model_fields)


def sections(annotation: Any) -> Iterator[type[BaseModel]]:
    if isinstance(annotation, type) and issubclass(annotation, BaseModel):
        yield annotation
    for inner in get_args(annotation):
        yield from sections(inner)


def document(key: str, value: Any) -> dict[str, Any]:
    """Return the settings that hold one key."""
    *path, last = key.split(".")
    content: Any = {last: value, **COMPANIONS.get(key, {})}
    for part in reversed(path):
        content = [content] if part == "0" else {part: content}
    assert isinstance(content, dict)
    if path[0] == "datasets":
        content["datasets"].setdefault("preset", "casino")
        content["sources"] = dict.fromkeys(("shop", "crm"), SOURCES["duckdb"])
    if path[:3] == ["targets", "api", "clients"]:
        content["targets"]["api"] |= {"kind": "api", "signing_key": "${SIGNING_KEY}"}
    if path[:3] == ["targets", "snowflake", "consumers"]:
        content["targets"]["snowflake"] |= snowflake_values.TARGET
    if path[:3] == ["sources", "files", "csv"]:
        content["sources"]["files"] |= SOURCES["files"]
    return content


def parse(content: Any) -> Settings:
    return parse_settings(content, source=FILE, data_dir=Path("data"))


def refusal(content: Any) -> str:
    with pytest.raises(SettingsError) as caught:
        parse(content)
    return str(caught.value)


def at(settings: Settings, key: str) -> Any:
    value: Any = settings
    for part in key.split("."):
        if isinstance(value, dict):
            value = value[part]
        elif part == "0":
            value = value[0]
        else:
            value = getattr(value, part)
    return value


def test_every_key_of_the_settings_has_a_right_and_a_wrong_value_here() -> None:
    assert set(RIGHT) == set(WRONG) == set(keys(Settings))


@pytest.mark.parametrize("key", RIGHT)
def test_a_right_value_is_taken(key: str) -> None:
    taken = at(parse(document(key, RIGHT[key])), key)
    assert (str(taken) if isinstance(taken, Path) else list(taken) if isinstance(taken, tuple) else taken) == RIGHT[
        key
    ]


@pytest.mark.parametrize("key", WRONG)
def test_a_wrong_value_gives_one_line_that_names_file_and_key(key: str) -> None:
    value, expected = WRONG[key]
    assert refusal(document(key, value)) == f"{FILE}: {key}: {expected}"


SECRETS = (
    "api.key",
    "api.login.username",
    "api.login.password",
    "budget.database",
    "listener.secret",
    "alerts.webhook.url",
    "alerts.email.username",
    "alerts.email.password",
    "targets.sftp.password",
    "targets.sftp.key",
    "targets.sftp.passphrase",
    "targets.s3.access_key",
    "targets.s3.secret_key",
    "targets.gcs.service_account",
    "targets.azure.sas",
    "targets.azure.access_key",
    "targets.api.clients.0.key",
    "targets.api.clients.0.secret",
    "targets.api.signing_key",
    *iceberg_values.SECRETS,
    *cloud_database_values.SECRETS,
    *database_values.SECRETS,
    *snowflake_values.SECRETS,
)


@pytest.mark.parametrize("key", SECRETS)
def test_a_literal_secret_is_refused_and_not_repeated(key: str) -> None:
    message = refusal(document(key, "hunter2-secret"))
    assert message.startswith(f"{FILE}: {key}: a secret may not stand in the settings")
    assert "hunter2" not in message


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ({"tenat": {}}, "tenat: no such setting; did you mean tenant?"),
        ({"api": {"pagesize": 5}}, "api.pagesize: no such setting; did you mean page_size?"),
        ({"reports": {"filter": {}}}, "reports.filter: no such setting; did you mean filters?"),
        ({"reports": {"filters": {"action": [1]}}}, "reports.filters.action: no such setting; did you mean actions?"),
        (
            {"reports": {"each": {"promo_codes": {"lookback": 1}}}},
            "reports.each.promo_codes.lookback: no such setting; did you mean look_back?",
        ),
        (
            {"budget": {"windows": [{"calls": 1, "seconds": 1, "second": 1}]}},
            "budget.windows.0.second: no such setting; did you mean seconds?",
        ),
        (
            {"reports": {"select": ["promo_code"]}},
            "reports.select.0: 'promo_code' is not a report; did you mean promo_codes?",
        ),
        (
            {"reports": {"select": ["xyz"]}},
            "reports.select.0: 'xyz' is not a report; `optimove-pipeline reports` lists the 27",
        ),
        ({"reports": {"select": []}}, "reports.select: expected at least 1 item"),
        (
            {"reports": {"each": {"promo_code": {}}}},
            "reports.each.promo_code: 'promo_code' is not a report; did you mean promo_codes?",
        ),
        ({"data_dir": "x"}, "data_dir: no such setting"),
        ({"sandbox": True}, "sandbox: no such setting"),
        ({"data_dirs": "x"}, "data_dirs: no such setting"),
        ({"tenant": None}, "tenant: expected settings by name below it"),
        ({"budget": {"windows": []}}, "budget.windows: expected at least 1 item"),
        ({"budget": {"windows": [{"calls": 3}]}}, "budget.windows.0.seconds: is missing"),
        ({"reports": {"filters": {"actions": [1, "two"]}}}, "reports.filters.actions.1: expected a whole number"),
        ({"reports": {"filters": {"channels": [-4]}}}, "reports.filters.channels.0: expected at least 0"),
        (
            {"api": {"key": "${K}", "login": {"username": "${U}", "password": "${P}"}}},
            "api: give key or login, not both",
        ),
        (
            {"reports": {"filters": {"lifecycle_stages": [1], "attribute_value": {"attribute": "A", "value": 1}}}},
            "reports.filters: give lifecycle_stages or attribute_value, the API takes one of them (report 6)",
        ),
        (
            {"alerts": {"kinds": ["lat"]}},
            "alerts.kinds.0: expected 'run_failed', 'check_failed', 'late', 'budget' or 'credentials'",
        ),
        (
            {"alerts": {"email": {**MAIL, "username": "${U}"}}},
            "alerts.email: give username and password, or neither",
        ),
        (
            {"alerts": {"email": {**MAIL, "username": "${U}", "password": "${P}", "security": "none"}}},
            "alerts.email: a password is only sent with security: starttls or tls",
        ),
        (
            {"packages": {"each": {"sends": {"fields": {"is_open": "yes"}}}}},
            "packages.each.sends.fields.is_open: expected a pattern with %, or text, number, json, Yes/No, "
            "true/false or 1/0",
        ),
        (
            {"packages": {"each": {"Sends!": {}}}},
            "packages.each.Sends!: 'Sends!' is no name of a feed: expected small letters, digits and '_', "
            "a letter first",
        ),
        (
            {"packages": {"name": "../{date}_{part}"}},
            "packages.name: expected English letters, digits, '_', '-' and '.' only, a letter or digit first",
        ),
        (
            {"targets": {"share": {"kind": "ftp"}}},
            f"targets.share: expected `kind`, one of {', '.join(sorted(ALL_KINDS))}, with that kind's settings",
        ),
        (
            {"targets": {"Share": {"kind": "local"}}},
            "targets.Share: expected a name of small letters, digits and _, 40 at most, that begins with a letter",
        ),
        (
            {"targets": {"optimove": {**TARGETS["sftp"], "hosts": "x"}}},
            "targets.optimove.hosts: no such setting; did you mean host?",
        ),
        (
            {"targets": {"optimove": {**TARGETS["sftp"], "password": "${P}"}}},
            "targets.optimove: give one of password, key and key_file",
        ),
        (
            {"targets": {"optimove": {"kind": "sftp", "host": "h", "username": "u"}}},
            "targets.optimove: give one of password, key and key_file",
        ),
        (
            {"targets": {"optimove": {**beside("sftp", "password"), "password": "${P}", "passphrase": "${Q}"}}},
            "targets.optimove: a passphrase belongs to a key or key_file, not to a password",
        ),
        (
            {"targets": {"optimove": {**TARGETS["sftp"], "rename": False, "temporary_folder": "work"}}},
            "targets.optimove: temporary_folder needs rename: true",
        ),
        (
            {"targets": {"optimove": {**TARGETS["sftp"], "host_keys": ["SHA256:AAAA"]}}},
            "targets.optimove.host_keys.0: expected a fingerprint such as SHA256:… (43 characters), or a line of "
            "known_hosts",
        ),
        (
            {"targets": {"cloud": {**TARGETS["s3"], "access_key": "${A}"}}},
            "targets.cloud: give access_key and secret_key, or neither",
        ),
        (
            {"targets": {"cloud": {**TARGETS["azure"], "access_key": "${A}", "sas": "${B}"}}},
            "targets.cloud: give sas or access_key, not both",
        ),
        (
            {"targets": {"pull": {"kind": "api", "clients": []}}},
            "targets.pull.clients: expected at least 1 item",
        ),
        (
            {"targets": {"pull": {"kind": "api", "clients": [{"name": "optimove"}]}}},
            "targets.pull.clients.0: give key, secret or both",
        ),
        (
            {"targets": {"pull": {**TARGETS["api"], "clients": TARGETS["api"]["clients"] * 2}}},
            "targets.pull: clients: two have the same name",
        ),
        (
            {"targets": {"pull": {"kind": "api", "clients": [{"name": "optimove", "secret": "${PULL_SECRET}"}]}}},
            "targets.pull: a client has a secret, so signing_key is needed: a reference to at least 32 characters",
        ),
        (
            {"targets": {"pull": {**TARGETS["api"], "tls_key": "/etc/tls/data.key"}}},
            "targets.pull: give tls_certificate and tls_key, or neither",
        ),
        (
            {"targets": {"pull": {**TARGETS["api"], "listen_on": "0.0.0.0:8740"}}},
            "targets.pull: listen_on 0.0.0.0:8740 is reached from other machines, and keys would pass unencrypted: "
            "give tls_certificate and tls_key, or plain_http: true where a proxy in front of it adds TLS",
        ),
        (
            {"targets": {"pull": {**TARGETS["api"], "allow": ["203.0.113.7/24"]}}},
            "targets.pull.allow.0: expected an address or a network, such as 203.0.113.7 or 203.0.113.0/24",
        ),
        (
            {"reports": {"attributes": [f"A{number}" for number in range(11)]}},
            "reports.attributes: 11 customer attributes, the API takes 10 at most",
        ),
        (
            {"reports": {"attributes": ["LastLogin", "Last Login"]}},
            "reports.attributes: 'LastLogin' and 'Last Login' would both be the column attribute_last_login",
        ),
        (
            {"reports": {"attributes": ["A;B"]}},
            "reports.attributes: 'A;B': give each attribute as an item of its own",
        ),
        (
            {"reports": {"each": {"promo_codes": {"attributes": ["Alias"]}}}},
            "reports: each.promo_codes.attributes: Promo Codes takes no customer attributes",
        ),
        (
            {"reports": {"each": {"promo_codes": {"parameters": {"Day": "D"}}}}},
            "reports: each.promo_codes.parameters: 'Day' is none of Date",
        ),
        (
            {"reports": {"each": {"all_actions": {"parameters": {"Day": "D"}}}}},
            "reports: each.all_actions.parameters: 'Day' is none of none",
        ),
        (
            {"retention": {"package_days": 40}},
            "retention: package_days 40 is more than staging_days 35: what is delivered again is packaged from its "
            "partition, without customers forgotten since",
        ),
    ],
)
def test_a_mistake_gives_one_line_that_says_what_to_do(content: Any, message: str) -> None:
    assert refusal(content) == f"{FILE}: {message}"


def test_several_mistakes_give_a_line_each() -> None:
    message = refusal({"api": {"page_size": 0, "attempts": 0}, "tenat": {}})
    assert sorted(message.splitlines()) == [
        f"{FILE}: api.attempts: expected at least 1",
        f"{FILE}: api.page_size: expected at least 1",
        f"{FILE}: tenat: no such setting; did you mean tenant?",
    ]


def test_ids_of_events_may_be_written_as_numbers() -> None:
    filters = parse({"reports": {"filters": {"activity_events": [3, "login"]}}}).reports.filters
    assert filters.activity_events == ("3", "login")


def test_a_quoted_date_is_a_date() -> None:
    assert parse({"tenant": {"start_date": "2026-02-01"}}).tenant.start_date == date(2026, 2, 1)


def test_a_selection_brings_the_reports_that_it_reads() -> None:
    reports = parse({"reports": {"select": ["customer_execution_details_by_campaign", "promo_codes"]}}).reports
    assert [report.name for report in reports.selected()] == [
        "customer_execution_details_by_campaign",
        "promo_codes",
        "execution_channels",
        "executed_campaigns_by_channel",
    ]
    assert parse({}).reports.selected() == REPORTS


@pytest.mark.parametrize("report", REPORTS, ids=lambda report: report.name)
def test_every_selection_is_closed_over_what_it_reads(report: Any) -> None:
    names = {found.name for found in parse({"reports": {"select": [report.name]}}).reports.selected()}
    assert report.name in names
    assert all(names.issuperset(BY_NAME[name].upstream) for name in names)


def test_a_reports_own_settings_win_over_the_general_ones() -> None:
    reports = parse(
        {
            "reports": {
                "attributes": ["Alias"],
                "tolerated_share": 0.5,
                "each": {
                    "customers_by_action": {"attributes": [], "tolerated_share": 0, "paged": False},
                    "campaign_interaction_customers": {"look_back": 0, "function": "customers/Other"},
                },
            }
        }
    ).reports
    own = reports.of(BY_NAME["customers_by_action"])
    assert (own.attributes, own.tolerated_share, own.paged, own.look_back) == ((), 0, False, 0)
    interactions = reports.of(BY_NAME["campaign_interaction_customers"])
    assert (interactions.look_back, interactions.function) == (0, "customers/Other")
    others = reports.of(BY_NAME["customer_execution_details_by_campaign"])
    assert (others.attributes, others.tolerated_share, others.look_back, others.paged) == (("Alias",), 0.5, 2, True)
    assert reports.of(BY_NAME["promo_codes"]).attributes == ()


def load(tmp_path: Path, text: str, **environment: str) -> Settings:
    file = tmp_path / FILE
    file.write_text(text, encoding="utf-8")
    return load_settings({"OPTIMOVE_CONFIG": str(file), "OPTIMOVE_DATA_DIR": str(tmp_path / "data"), **environment})


def test_the_yaml_file_is_read(tmp_path: Path) -> None:
    settings = load(tmp_path, "tenant: {name: Acme, timezone: Asia/Tokyo}\nreports:\n  select: [promo_codes]\n")
    assert (settings.tenant.name, settings.zone.key, settings.sandbox) == ("Acme", "Asia/Tokyo", False)
    assert settings.warehouse_path == tmp_path / "data" / "warehouse.duckdb"
    assert parse({"warehouse": {"path": "/w.duckdb"}}).warehouse_path == Path("/w.duckdb")


def test_an_empty_file_holds_the_defaults(tmp_path: Path) -> None:
    assert load(tmp_path, "# nothing yet\n").reports == parse({}).reports


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("[]", "expected settings by name at the top, such as `tenant:`"),
        ("false", "expected settings by name at the top, such as `tenant:`"),
        ("api: {key: hunter2", "not valid YAML: line 1, column 19: expected ',' or '}', but got '<stream end>'"),
        ("api:\n  key: ${A}\n  key: ${B}\n", "not valid YAML: line 3, column 3: a key is given twice"),
        ("tenant: \x07", "not valid YAML: it holds a character that YAML doesn't allow"),
        ("1: 2", "1: keys should be strings"),
    ],
)
def test_a_broken_file_is_refused_in_one_line(tmp_path: Path, text: str, message: str) -> None:
    with pytest.raises(SettingsError) as caught:
        load(tmp_path, text)
    assert str(caught.value) == f"{tmp_path / FILE}: {message}"


def test_a_file_that_is_not_there_is_named(tmp_path: Path) -> None:
    with pytest.raises(
        SettingsError, match=r"gone\.yaml: can't be read \(No such file or directory\); OPTIMOVE_CONFIG"
    ):
        load_settings({"OPTIMOVE_CONFIG": str(tmp_path / "gone.yaml")})


def test_a_file_that_is_not_utf_8_is_named(tmp_path: Path) -> None:
    (tmp_path / FILE).write_bytes("tenant: {name: Müller}".encode("latin-1"))
    with pytest.raises(SettingsError, match="not UTF-8 text"):
        load_settings({"OPTIMOVE_CONFIG": str(tmp_path / FILE)})


def test_without_any_setting_the_sandbox_is_used() -> None:
    settings = load_settings({})
    assert settings.sandbox
    assert settings.reports.select == "all"
    assert settings.reports.filters.changed_attributes
    assert api_options(settings).base_url == settings.api.url
    moved = load_settings({"OPTIMOVE_SANDBOX_URL": "http://127.0.0.1:9/current"})
    assert moved == sandbox_settings("http://127.0.0.1:9/current", moved.data_dir)


@pytest.mark.parametrize("name", ["OPTIMOVE_API_URL", "OPTIMOVE_API_KEY"])
def test_url_or_key_in_the_environment_mean_a_real_tenant(name: str) -> None:
    assert not load_settings({name: "x"}).sandbox


def test_a_missing_variable_is_named(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("OPTIMOVE_API_URL", "https://api5.optimove.net/current")
    monkeypatch.delenv("OPTIMOVE_API_KEY", raising=False)
    with pytest.raises(SettingsError, match="environment variable OPTIMOVE_API_KEY is not set"):
        api_options(parse({}))


KEYWORDS = {
    "$defs", "$ref", "additionalProperties", "anyOf", "const", "default", "description", "enum", "exclusiveMinimum",
    "format", "items", "maximum", "minLength", "minimum", "oneOf", "properties", "propertyNames",
    "required", "title", "type",
}  # fmt: skip
TYPES = {"array", "boolean", "integer", "null", "number", "object", "string"}


def check_schema(schema: Any, definitions: dict[str, Any]) -> None:
    """Check that a schema uses the standard's keywords as the standard has them."""
    assert set(schema) <= KEYWORDS
    assert schema.get("type", "object") in TYPES
    assert schema.get("$ref", "").removeprefix("#/$defs/") in {"", *definitions}
    for inner in [*schema.get("anyOf", []), *schema.get("oneOf", []), *schema.get("properties", {}).values()]:
        check_schema(inner, definitions)
    for name in ("items", "additionalProperties", "propertyNames"):
        if isinstance(schema.get(name), dict):
            check_schema(schema[name], definitions)


def schema_keys(schema: Any, definitions: dict[str, Any]) -> Iterator[str]:
    """Yield the names of all keys that a schema describes, at any depth."""
    schema = definitions.get(schema.get("$ref", "").removeprefix("#/$defs/"), schema)
    for name, inner in schema.get("properties", {}).items():
        yield name
        yield from schema_keys(inner, definitions)
    further = [
        schema.get("items"),
        schema.get("additionalProperties"),
        *schema.get("anyOf", []),
        *schema.get("oneOf", []),
    ]
    for inner in (found for found in further if isinstance(found, dict)):
        yield from schema_keys(inner, definitions)


def test_the_json_schema_is_sound_and_names_every_key() -> None:
    schema = json.loads(json.dumps(Settings.model_json_schema()))
    definitions = schema["$defs"]
    for section in (schema, *definitions.values()):
        check_schema(section, definitions)
    expected = {part for key in keys(Settings) for part in key.split(".")}
    names = {"0", "customers_by_action", "customers", "Email", "Brand", *KINDS, "iceberg", *SOURCES}
    assert set(schema_keys(schema, definitions)) == (expected - names) | {"kind"}
