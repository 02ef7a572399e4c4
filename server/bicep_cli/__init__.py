"""Finds Microsoft's Bicep CLI and drives it as a service. Standard library only.

Facts: `bicep jsonrpc --stdio` (Azure/bicep, `src/Bicep.Cli/Rpc/ICliJsonRpcProtocol.cs`), tried with 0.49.2.
"""

from bicep_cli.find import Bicep, find, version_of
from bicep_cli.messages import (
    BicepError,
    Compilation,
    Diagnostic,
    Level,
    ParametersCompilation,
    Position,
    Range,
)
from bicep_cli.service import BicepService

__all__ = [
    "Bicep",
    "BicepError",
    "BicepService",
    "Compilation",
    "Diagnostic",
    "Level",
    "ParametersCompilation",
    "Position",
    "Range",
    "find",
    "version_of",
]
