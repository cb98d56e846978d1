"""Stores by one word, to pass them to processes."""

from pathlib import Path

from optimove_pipeline.optimove.budget import FileStore, PostgresStore, Store


def store_at(place: str) -> Store:
    """The store at a PostgreSQL URL or a file's path."""
    return PostgresStore(place) if place.startswith("postgresql://") else FileStore(Path(place))
