"""The errors of this project, grouped by what the caller should do about them.

::

    PipelineError
    ├── SettingsError        the settings are wrong: correct them and start again
    ├── BusyError            another process holds what we need: wait, or end that process
    ├── ContractError        data broke its contract: look at the quarantine, the day is held back
    ├── PartitionError       the day can't be made (any more, or yet): the message says why
    └── ApiError             the API did not give what was asked
        ├── UnauthorizedError    the credentials are refused: the run stops
        ├── ForbiddenError       one function is refused: its report fails, the others go on
        ├── RequestError         the request is refused as malformed: retrying can't help
        ├── AnswerError          the answer can't be read as the documented rows
        ├── TransientError       worth another try: 429, 5xx, time-outs, cut connections, truncated JSON
        └── OutageError          the circuit is open: the API failed too often in a row
"""


class PipelineError(Exception):
    """Root of all errors that this project raises on purpose; its message is meant for a person."""


class SettingsError(PipelineError):
    """A setting is missing, unknown or wrong. The message names the setting and what is expected."""


class BusyError(PipelineError):
    """A file or lock is held by another process for longer than we are willing to wait."""


class ContractError(PipelineError):
    """Rows broke their contract beyond the tolerated share, so the day is held back."""


class PartitionError(PipelineError):
    """A day of a feed can't be made: it is too old for a snapshot, or what it needs is not there."""


class ApiError(PipelineError):
    """The Optimove API did not give what was asked. The message never holds a credential."""


class UnauthorizedError(ApiError):
    """HTTP 401: the key or the login is refused, for every function alike."""


class ForbiddenError(ApiError):
    """HTTP 403: this credential may not call this function (reference, section 1.2)."""


class RequestError(ApiError):
    """HTTP 400, 405 or another refusal that the same request would meet again."""


class AnswerError(ApiError):
    """The answer arrived whole, but is not the JSON rows that the function documents."""


class TransientError(ApiError):
    """A failure that another try may cure. ``retry_after`` is the server's wish in seconds, if any."""

    def __init__(self, message: str, *, retry_after: float | None = None) -> None:
        super().__init__(message)
        self.retry_after = retry_after


class OutageError(ApiError):
    """Too many failures in a row: calls are not made, so that an outage does not burn the budget."""
