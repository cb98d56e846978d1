"""A container of Azure Blob Storage."""

from __future__ import annotations

from collections.abc import Sequence
from typing import TYPE_CHECKING, Any, Literal, Self

from pydantic import Field, model_validator

from optimove_pipeline.settings.buckets import BucketSettings, config_of
from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.types import Text
from optimove_pipeline.targets.connecting import Step, Who

if TYPE_CHECKING:
    from obstore.store import AzureStore

    from optimove_pipeline.targets.table import Table


class AzureSettings(BucketSettings):
    """A container of Azure Blob Storage."""

    kind: Literal["azure"]
    account: Text
    container: Text
    sas: SecretReference | None = Field(None, description="reference to a SAS token")
    access_key: SecretReference | None = Field(None, description="reference to a key of the account")

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if self.sas and self.access_key:
            raise ValueError("give sas or access_key, not both")
        return self

    @property
    def bucket_name(self) -> str:
        """The account and the container."""
        return f"{self.account}/{self.container}"

    def store(self, common: dict[str, Any]) -> AzureStore:
        """Return the container as a store of objects."""
        from obstore.store import AzureStore

        config = config_of({"sas_key": self.sas, "account_key": self.access_key}, {"endpoint": self.endpoint})
        return AzureStore(self.container, account_name=self.account, **config, **common)

    def steps(self, name: str, tables: Sequence[Table]) -> list[Step]:
        """Return how Optimove gets to read the container (reference on delivery, section 3.4)."""
        address = f"https://{self.account}.blob.core.windows.net/{self.container}"
        stage = f"azure://{self.account}.blob.core.windows.net/{self.container}/{self.prefix}".rstrip("/")
        return [
            Step(
                Who.COMPANY,
                "create a stored access policy that allows to read and list, so that the token can be revoked",
                f"az storage container policy create --account-name {self.account} --container-name {self.container}"
                " --name optimove --permissions rl --expiry YYYY-MM-DD",
            ),
            Step(
                Who.COMPANY,
                "sign a SAS token of that policy, for HTTPS only",
                f"az storage container generate-sas --account-name {self.account} --name {self.container}"
                " --policy-name optimove --https-only",
            ),
            Step(
                Who.COMPANY, "hand over, the token by a way of its own", f"{address}\nstage URL: {stage}\nSAS token"
            ),
            Step(
                Who.OPTIMOVE,
                "list the prefix and read one file with the token, then try to write one: that must be refused",
            ),
            Step(Who.COMPANY, "note the day on which the policy expires: a new token is due before it"),
        ]


SETTINGS = AzureSettings
