"""The errors that a user may meet.

PipelineError                a run failed (exit code 1)
├── ArtifactError            an artifact between two stages is missing or broken
├── CheckFailed              a stage's own error-check did not pass
├── Outage                   what a run needs is not there for now (exit code 75, as sysexits.h has it): run it again
└── UserError                something the user can mend (exit code 2)
    ├── ConfigError          a pipeline file, the index or the command line is wrong
    └── DataError            the source's data cannot be used as it is
"""


class PipelineError(Exception):
    """A run failed. The message names the file, the value found and the remedy."""

    exit_code = 1


class ArtifactError(PipelineError):
    """An artifact between two stages is missing or broken."""


class CheckFailed(PipelineError):
    """A stage's own error-check did not pass."""


class Outage(PipelineError):
    """What a run needs, such as a server or a lock, is not there for now; the same run may succeed later.

    Dagster retries a step that ends so, and no other.
    """

    exit_code = 75


class UserError(PipelineError):
    """Something the user can mend."""

    exit_code = 2


class ConfigError(UserError):
    """A pipeline file, the index or the command line is wrong."""


class DataError(UserError):
    """The source's data cannot be used as it is."""
