"""Whether a partition that was made earlier has the shape of the contract as it is now."""

from __future__ import annotations

from collections.abc import Iterator

from optimove_pipeline.datasets.dataset import Dataset
from optimove_pipeline.datasets.known import DATASET
from optimove_pipeline.errors import PartitionError
from optimove_pipeline.partition_keys import partition_key
from optimove_pipeline.staging import Partition


def refuse_other_shape(dataset: Dataset, partition: Partition) -> None:
    """Refuse a partition made under another contract, rather than take columns that it lacks for empty ones.

    What extraction wrote (the stage ``dataset``) has the source's types, so that its columns count alone. A column
    that the contract has no more does no harm.

    Raises:
        PartitionError: a column of the contract is not there, or of another type; the message says what to do.
    """
    lacking = [*_lacking(dataset, partition)]
    if not lacking:
        return
    again = [DATASET] if partition.stage == DATASET else [DATASET, partition.stage]
    raise PartitionError(
        f"{partition.stage}/{dataset.name} of {partition_key(partition.day)} was made under another contract "
        f"({', '.join(lacking)}): materialise {' and '.join(f'{stage}/{dataset.name}' for stage in again)} again"
    )


def _lacking(dataset: Dataset, partition: Partition) -> Iterator[str]:
    for column in dataset.columns:
        held, wanted = partition.columns.get(column.name), str(column.kind.dtype)
        if held is None:
            yield f"{column.name} is missing"
        elif held != wanted and partition.stage != DATASET:
            yield f"{column.name} is {held}, not {wanted}"
