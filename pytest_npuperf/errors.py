"""Everything that can go wrong, as one tree.

NpuperfError
├── SettingsError        an option, environment variable or ini key has a value that is not allowed
├── CaseError            a case, in npuperf.yaml or in a call, is not valid
│   └── BudgetError      a budget expression is not valid
├── DatasetError         a dataset is missing or malformed
├── BaselineError        a baseline cannot be stored, read or compared with
│   └── NoBaselineError  there is no such baseline, or it does not have the case
├── ReportError          a saved report is missing, damaged or of a newer version
├── AdapterError         the adapter repository cannot be deployed
│   ├── InstallError     its requirements could not be installed
│   ├── DeployError      its deploy.sh could not start, ended, or left nothing running
│   └── NotReadyError    its server runs but does not answer as it must
├── LoadError            the load generator ended without handing its trace over
├── NothingMeasuredError an item has budgets and measured nothing
├── LoadAbortedError     the load was given up by a rule of the case
└── ClientBoundError     the client was the bottleneck: what it measured is not the server

Every message says what was wrong, the value seen, what is allowed and what to do.
"""

from pytest_npuperf.text import printable_lines

__all__ = [
    "AdapterError",
    "BaselineError",
    "BudgetError",
    "CaseError",
    "ClientBoundError",
    "DatasetError",
    "DeployError",
    "InstallError",
    "LoadAbortedError",
    "LoadError",
    "NoBaselineError",
    "NotReadyError",
    "NothingMeasuredError",
    "NpuperfError",
    "NpuperfWarning",
    "ReportError",
    "SettingsError",
]


class NpuperfError(Exception):
    """Something that the user can act on went wrong."""

    def __str__(self) -> str:
        """The message, safe to show whatever it quotes."""
        return printable_lines(super().__str__())


class SettingsError(NpuperfError):
    """An option, environment variable or ini key has a value that is not allowed."""


class CaseError(NpuperfError):
    """A case, in npuperf.yaml or in a call, is not valid."""


class BudgetError(CaseError):
    """A budget expression is not valid."""


class DatasetError(NpuperfError):
    """A dataset is missing or malformed."""


class BaselineError(NpuperfError):
    """A baseline cannot be stored, read or compared with."""


class NoBaselineError(BaselineError):
    """There is no such baseline, or it does not have the case."""


class ReportError(NpuperfError):
    """A saved report is missing, damaged or of a newer version."""


class AdapterError(NpuperfError):
    """The adapter repository cannot be deployed."""


class InstallError(AdapterError):
    """The requirements of the adapter could not be installed."""


class DeployError(AdapterError):
    """deploy.sh could not start, ended, or left nothing running."""


class NotReadyError(AdapterError):
    """The server runs but does not answer as it must."""


class LoadError(NpuperfError):
    """The load generator ended without handing its trace over."""


class NothingMeasuredError(NpuperfError):
    """An item has budgets and came to its end without a measurement."""


class LoadAbortedError(NpuperfError):
    """The load was given up by a rule of the case; what it measured until then is reported."""


class ClientBoundError(NpuperfError):
    """The client was the bottleneck: what it measured is not the server."""


class NpuperfWarning(UserWarning):
    """A budget is not kept, or not as it was meant, and fails nothing."""

    def __str__(self) -> str:
        """The message, safe to show whatever it quotes."""
        return printable_lines(super().__str__())
