"""The errors of targets, by what the caller should do about them.

::

    PipelineError
    └── TargetError          the target does not take what it is given: the message says what to change
        ├── LoginError           its identity or our credential is not accepted: settings and target must agree
        └── UnreachableError     worth another try: cut connections, time-outs, refused connections
"""

from optimove_pipeline.errors import PipelineError


class TargetError(PipelineError):
    """A target did not take a file. The message names target, place, file and what to do, and holds no secret."""


class LoginError(TargetError):
    """The target's host key is not the pinned one, or it refuses our credential."""


class UnreachableError(TargetError):
    """The connection can't be made, was cut or stays silent; another try may cure it."""
