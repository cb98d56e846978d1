"""Settings of the listener: where it hears Optimove's events, and the secret that tells them from others'."""

from __future__ import annotations

from typing import Annotated

from pydantic import Field

from optimove_pipeline.settings.secrets import SecretReference
from optimove_pipeline.settings.types import Section, Text

Port = Annotated[int, Field(ge=1, le=65535, strict=True)]


class Listener(Section):
    """The HTTP listener, which is only there where `optimove-pipeline listen` runs."""

    host: Text = Field("127.0.0.1", description="address of this machine to listen on")
    port: Port = 8730
    secret: SecretReference = Field("${OPTIMOVE_LISTENER_SECRET}", description="reference to the secret of events")
    header: Text | None = Field(
        None, description="header that a proxy puts the secret in; by default it is the last part of the address"
    )
