"""The check of a project's model: its settings go to ``model_check``, what that finds becomes problems."""

from __future__ import annotations

import re
from os.path import normpath
from pathlib import Path
from typing import TYPE_CHECKING, NamedTuple, cast

from model_check import Report, Wish, check_model, find_base
from model_check.catalogue import find
from model_check.engine import EngineOptions

from aitk_inference.core.errors import InvalidProject, Problem
from aitk_inference.core.json_text import locate
from aitk_inference.core.params import PARAMETER_PATHS
from aitk_inference.core.regular_files import read_begin
from aitk_inference.flows.project.model_settings import CACHES, SETTINGS, read_model_settings

if TYPE_CHECKING:
    from collections.abc import Iterator

    from model_check import Finding, FoundBase, Hardware
    from model_check.engine import EngineName

    from aitk_inference.core.model import Json
    from aitk_inference.flows.project.model_settings import ModelSettings

_TEXTS = (".json", ".py", ".jinja")
_ADAPTER_CONFIG = "adapter_config.json"
_ABOUT_PROFILE = ("fit-weights", "gpu-unused", "needs-bfloat16", "needs-openvino")
_LONGEST_TEXT = 1 << 20


class ModelCheck(NamedTuple):
    """What the check of a project's model found.

    Attributes:
        problems: Each at a place in a text file that an editor can show.
        report: What the library said; None where the project's code does not say which model it serves.
    """

    problems: tuple[Problem, ...] = ()
    report: Report | None = None


def check_project_model(project: Path, hardware: Hardware | None) -> ModelCheck:
    """Check the model that a project serves.

    A base or an adapter that is not in the project may be on the share alone: that is said, and no error.

    Args:
        project: The project's folder.
        hardware: What the app would run on; None leaves memory unchecked.
    """
    try:
        settings = read_model_settings(project)
    except InvalidProject as error:
        return ModelCheck(error.problems)
    if settings is None:
        return ModelCheck()
    report = _report(project, settings, hardware)
    return ModelCheck(tuple(_problem(project, settings, finding) for finding in report.findings), report)


def _report(project: Path, settings: ModelSettings, hardware: Hardware | None) -> Report:
    source, beside = settings.source, settings.source.parent
    caches = [project / name for name in CACHES]
    found = find_base(settings.base, beside=beside, caches=caches, revision=settings.revision, config=source)
    base = Path(normpath(found.path)) if found.path is not None and found.path.is_dir() else None
    name = settings.adapter and settings.adapter.replace("\0", "?")[:1024]  # no folder can have another
    adapter = None if name is None else Path(normpath(beside / name))
    absent = adapter is not None and (settings.adapter == "" or not adapter.exists())
    report = Report((), EngineOptions())
    if base is not None or (adapter is not None and not absent):
        report = check_model(
            base,
            None if absent else adapter,
            hardware=hardware,
            engine=cast("EngineName", settings.engine),
            wish=Wish(settings.context, settings.users, source),
        )
    findings = [*_whereabouts(settings, found, absent=absent), *report.findings]
    return report._replace(findings=tuple(sorted(findings, key=lambda finding: finding.severity)))


def _whereabouts(settings: ModelSettings, found: FoundBase, *, absent: bool) -> Iterator[Finding]:
    """Yield what is not in the project; a folder that is named properly may be on the share."""
    can_be_elsewhere = settings.base != "" and not re.search(r"://|[\0\n]", settings.base)
    yield from (f for f in found.findings if f.code != "base-missing" or not can_be_elsewhere)
    if can_be_elsewhere and (found.path is None or not found.path.is_dir()):
        yield find("base-not-here", settings.source, key="base", value=settings.base)
    if settings.adapter == "":
        yield find("adapter-unset", settings.source, key="adapter")
    elif absent:
        yield find("adapter-not-here", settings.source, key="adapter", value=settings.adapter)


def _problem(project: Path, settings: ModelSettings, finding: Finding) -> Problem:
    """Return a finding at the place where an editor shows it."""
    path, key = _position(project, settings, finding)
    line, column = _line_of(path, key)
    return Problem(
        path,
        finding.message,
        line,
        column,
        finding.code,
        finding.severity,
        suggestion=finding.suggestion,
        link=finding.link,
        about=finding.path,
    )


def _position(project: Path, settings: ModelSettings, finding: Finding) -> tuple[Path, str]:
    """Return where a finding is shown: in a text file itself, for weights and folders in what names them."""
    parameters = next((project / path for path in PARAMETER_PATHS if (project / path).is_file()), None)
    if finding.code in _ABOUT_PROFILE and parameters is not None:
        return parameters, "workloadProfileType"
    if finding.path.suffix in _TEXTS and finding.path.is_file():
        return finding.path, finding.key
    beside = finding.path.parent / _ADAPTER_CONFIG
    if finding.path.is_file() and beside.is_file():
        return beside, ""
    key = "adapter" if finding.code.startswith(("adapter-", "tensor")) else "base"
    return settings.source, key if settings.source.name == SETTINGS.name else ""


def _line_of(path: Path, key: str) -> tuple[int, int]:
    try:
        text = read_begin(path, _LONGEST_TEXT).decode("utf-8-sig", "replace")
        return locate(text, *key.split(".")) if key else (0, 0)
    except OSError:
        return 0, 0


def model_json(check: ModelCheck) -> dict[str, Json]:
    """Return the engine's options and what fits, for programs."""
    if check.report is None:
        return {}
    options, fit = check.report.engine_options, check.report.fit
    named: dict[str, Json] = {
        "engine": options.engine,
        "architecture": options.architecture,
        "maxLoraRank": options.max_lora_rank,
        "maxModelLen": options.max_model_len,
        "dtype": options.dtype,
        "tokenizer": str(options.tokenizer) if options.tokenizer else None,
        "chatTemplate": str(options.chat_template) if options.chat_template else None,
        "tensorParallelSize": options.tensor_parallel_size,
    }
    if fit is None:
        return {"engineOptions": named}
    sizes: dict[str, Json] = {
        "weightsBytes": fit.load.weights,
        "adapterBytes": fit.load.adapter,
        "overheadBytes": fit.load.overhead,
        "roomBytes": fit.load.room,
        "bytesPerToken": fit.cache.token + fit.cache.window_token,
        "contextTokens": fit.context,
        "largestContextTokens": fit.largest,
        "conversationsAtOnce": fit.together,
    }
    return {"engineOptions": named, "fit": sizes}
