"""All checks before anything is made, at once: what would keep a project from being provisioned, and what to do."""

from __future__ import annotations

import asyncio
import itertools
from typing import TYPE_CHECKING, NamedTuple

from aitk_inference.core.arm_names import region_key
from aitk_inference.core.errors import AppError, InvalidProject, PreflightFailed, QuotaExceeded
from aitk_inference.core.preflight import Check, CheckState
from aitk_inference.flows.outcome import Outcome
from aitk_inference.flows.project.check import check_model_of
from aitk_inference.flows.project.start_command import missing_files
from aitk_inference.flows.project.template_plan import ACCOUNT, SHARE, WORKSPACE, of_type, short_name
from aitk_inference.flows.provision import quota
from aitk_inference.flows.provision.deployment import deployment_name
from aitk_inference.flows.provision.deployment_errors import lacks_registration
from aitk_inference.flows.provision.existing_resources import refusals
from aitk_inference.flows.provision.fix_text import action_json
from aitk_inference.flows.provision.ownership import other_maker
from aitk_inference.flows.provision.preflight_catalogue import CATALOGUE, NAMES, found, passed
from aitk_inference.flows.provision.preflight_fixes import fixable, values
from aitk_inference.flows.provision.share_access import account_obstacles, share_obstacles

if TYPE_CHECKING:
    from collections.abc import Awaitable, Callable, Iterator, Sequence
    from pathlib import Path

    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import TemplateCompiler
    from aitk_inference.core.progress import Reporter
    from aitk_inference.flows.api import ProvisionRequest
    from aitk_inference.flows.provision.preflight_subject import Subject

_LIST_KEYS = f"{ACCOUNT}/listKeys/action"
_NEW_GROUP = "Microsoft.Resources/subscriptions/resourceGroups/write"
_DEPLOY = "Microsoft.Resources/deployments/write"
PROVIDERS = ("Microsoft.App", "Microsoft.Storage", "Microsoft.OperationalInsights")
_REGISTERED = ("Registered", "Registering")
_AND = ", "
_MOST_SHOWN = 3
_NOTHING_WRONG = "Every check passed: Provision can work. Nothing was changed."


class Finding(NamedTuple):
    """A check that ended.

    Attributes:
        error: What stands behind a problem, with its places in files.
        stops: False for a problem that Deploy has, not Provision.
    """

    check: Check
    error: AppError | None = None
    stops: bool = True


async def preflight(subject: Subject) -> list[Finding]:
    """Return every check in the order of ``NAMES``; what can't be read is a warning, never an error."""
    checks: dict[str, Callable[[Subject], Awaitable[list[Finding]]]] = {
        "rights-unknown": _rights,
        "providers-unknown": _providers,
        "storage-name-unknown": _storage_name,
        "workspace-unknown": _workspace_name,
        "validation-unknown": _validation,
    }
    answers = await asyncio.gather(
        _of_project(subject.request, subject),
        quota_findings(subject),
        *(_known(code, ask, subject) for code, ask in checks.items()),
    )
    findings = complete([*(one for answer in answers for one in answer), *_of_what_exists(subject)], subject)
    known = await values(subject, [one.check for one in findings])
    return [one._replace(check=fixable(one.check, subject, known)) for one in findings]


def complete(findings: Sequence[Finding], subject: Subject | None = None) -> list[Finding]:
    """Return the findings in order, with a line for each check that found nothing.

    Args:
        findings: What was found.
        subject: None where the project's files could not be read or evaluated: nothing after that was checked but the model.
    """
    order = list(NAMES)
    reported = {finding.check.name for finding in findings}
    if subject is None:
        first = min(order.index(name) for name in reported)
        left_out = {*order[first:]} - {"model"}
    else:
        left_out = set() if _can_be_validated(subject) else {"validation"}
    clean = [Finding(passed(name)) for name in order if name not in reported and name not in left_out]
    return sorted([*findings, *clean], key=lambda finding: order.index(finding.check.name))


def checks_outcome(findings: Sequence[Finding], project: Path, subject: Subject | None = None) -> Outcome:
    """Return the checks as an outcome, which is a failed one where there is a problem.

    Args:
        findings: What was found.
        project: What the commands that mend something are for.
        subject: What was checked; None where a problem of its files kept it from being known.
    """
    checks = [finding.check for finding in findings]
    lines: list[str] = []
    for one in checks:
        more = (one.suggestion, one.link) if one.state is not CheckState.OK else ()
        lines += [f"  {one.state:<8}  {one.message}", *(f"            {line}" for line in more if line)]
    counts = [sum(one.state is state for one in checks) for state in (CheckState.PROBLEM, CheckState.WARNING)]
    words = (
        f"{n} {name}{'' if n == 1 else 's'}" for n, name in zip(counts, ("problem", "warning"), strict=True)
    )
    summary = f"{', '.join(words)}; nothing was changed."
    wrong = [one for one in checks if one.state is CheckState.PROBLEM]
    fixes = [(one.name, fix) for one in checks for fix in one.fixes]
    data: dict[str, Json] = {
        "checks": [{**one.as_json()} for one in checks],
        "fixes": [{"check": name, **action_json(fix, project)} for name, fix in fixes],
    }
    actions = tuple(dict.fromkeys(fix for _, fix in fixes))
    if not wrong and subject is not None:
        actions = (*actions, subject.go_on)
    return Outcome(
        "\n".join([*lines, summary]),
        actions=actions,
        data=data,
        headline=wrong[0].words if len(wrong) == 1 else summary if any(counts) else _NOTHING_WRONG,
        failed=counts[0] > 0,
    )


def stop_or_warn(findings: Sequence[Finding], report: Reporter) -> None:
    """Say the warnings. Raise what keeps Provision from working, all of it at once."""
    stopping = [one for one in findings if one.check.state is CheckState.PROBLEM and one.stops]
    for finding in findings:
        if finding.check.state is not CheckState.OK and finding not in stopping:
            report.warn(finding.check.words)
    if len(stopping) == 1 and stopping[0].error is not None:
        stopping[0].error.actions = stopping[0].check.fixes
        raise stopping[0].error
    if stopping:
        raise PreflightFailed([finding.check for finding in stopping])


def to_register(findings: Sequence[Finding]) -> Sequence[str]:
    """Return the resource providers that Provision registers; all that it may need where nobody could look."""
    for one in findings:
        if one.check.code == "providers-unregistered":
            return one.check.values["names"].split(_AND)
        if one.check.code == "providers-unknown":
            return PROVIDERS
    return ()


_UNCOMPILED = ("stale", "uncompiled")
"""Codes of problems whose words stand at the file; a list names the file."""
_TEMPLATE_CODES = ("template", "bicep", *_UNCOMPILED)


async def project_findings(request: ProvisionRequest, error: InvalidProject) -> list[Finding]:
    """Return what is wrong with a project's files where they can't be evaluated, so that no cloud is asked."""
    code = {"parameter": "parameters-wrong", **dict.fromkeys(_TEMPLATE_CODES, "template-wrong")}
    listed = [
        Finding(
            found(
                code.get(one.code, "configuration-wrong"),
                one.link,
                what=error.message if one.code in _UNCOMPILED else one.message,
                remedy=one.suggestion or error.suggestion,
            ),
            error,
        )
        for one in error.problems
    ]
    whole = found("configuration-wrong", error.link, what=error.message, remedy=error.suggestion)
    return complete([*(listed or [Finding(whole, error)]), *await _model(request)])


async def _known(
    code: str, ask: Callable[[Subject], Awaitable[list[Finding]]], subject: Subject
) -> list[Finding]:
    """Return what a check found; a warning where Azure does not answer it (or does not to this person)."""
    try:
        return await ask(subject)
    except AppError as error:
        names = [short_name(one) for kind in (ACCOUNT, WORKSPACE) for one in subject.made(kind)]
        name = names[-1 if code == "workspace-unknown" else 0] if names else ""
        return [Finding(found(code, scope=_scope_words(subject), name=name, why=error.message))]


async def _of_project(request: ProvisionRequest, subject: Subject) -> list[Finding]:
    needed = missing_files(subject.wanted.project.app.body, request.project)
    return [
        *(_finding("file-missing", file=path) for path in needed),
        *await _model(request, subject.site.cloud.compiler),
    ]


async def _model(request: ProvisionRequest, compiler: TemplateCompiler | None = None) -> list[Finding]:
    model = await check_model_of(request.project, compiler)
    return [
        _finding(f"model-{one.severity}", one.link, what=one.message, remedy=one.suggestion)
        for one in model.problems
    ]


async def _rights(subject: Subject) -> list[Finding]:
    grants = await subject.site.cloud.preflight.grants(subject.scope)
    needed = {_DEPLOY, *(f"{one.type}/write" for one in subject.put if "/deployments" not in one.type)}
    needed |= {_LIST_KEYS} if subject.wanted.project.account else set()
    needed |= set() if subject.site.exists else {_NEW_GROUP}
    lacking = sorted(action for action in needed if not any(grant.allows(action) for grant in grants))
    if not lacking:
        return []
    more = f" and {len(lacking) - _MOST_SHOWN} more" if len(lacking) > _MOST_SHOWN else ""
    rights = f"the right {', '.join(lacking[:_MOST_SHOWN])}{more}"
    return [_finding("rights-missing", rights=rights, scope=_scope_words(subject))]


async def _providers(subject: Subject) -> list[Finding]:
    names = sorted({one.type.partition("/")[0] for one in subject.put})
    ask = subject.site.cloud.preflight.registration
    states = await asyncio.gather(*(ask(subject.site.subscription.id, name) for name in names))
    missing = [name for name, state in zip(names, states, strict=True) if state not in _REGISTERED]
    return [_finding("providers-unregistered", names=_AND.join(missing), first=missing[0])] if missing else []


async def quota_findings(subject: Subject) -> list[Finding]:
    """Return what the region and the environment can't give."""
    demand = quota.Demand(
        subject.wanted.project, subject.existing, subject.missing, subject.site.group.location
    )
    checks = await quota.check(demand, subject.site.cloud.preflight, subject.site.subscription.id)
    return [
        Finding(one, QuotaExceeded(one.message, suggestion=one.suggestion, link=one.link))
        if one.state is CheckState.PROBLEM
        else Finding(one)
        for one in checks
    ]


async def _storage_name(subject: Subject) -> list[Finding]:
    accounts = subject.made(ACCOUNT)
    if not accounts:
        return []
    name = short_name(accounts[0])
    answer = await subject.site.cloud.preflight.storage_name(subject.site.subscription.id, name)
    if answer.free:
        return []
    if answer.invalid:
        return [_finding("storage-name-invalid", name=name, why=answer.message)]
    return [_finding("storage-name-taken", name=name)]


async def _workspace_name(subject: Subject) -> list[Finding]:
    workspaces = subject.made(WORKSPACE)
    if not workspaces:
        return []
    deleted = await subject.site.cloud.preflight.deleted_workspaces(subject.site.subscription.id)
    group, findings = subject.site.group, list[Finding]()
    for planned, one in itertools.product(workspaces, deleted):
        if one.name.lower() == short_name(planned).lower():
            same_region = region_key(str(planned.location or group.location)) == region_key(one.location)
            if same_region and one.resource_group.lower() == group.name.lower():
                findings.append(_finding("workspace-recovered", name=one.name))
            else:
                whereabouts = f"{one.resource_group} in {one.location}"
                findings.append(_finding("workspace-kept", name=one.name, place=whereabouts))
    return findings


def _can_be_validated(subject: Subject) -> bool:
    fits = not refusals(subject.existing, subject.wanted.project, subject.wanted.parameters)
    return subject.site.exists and subject.missing is None and fits


async def _validation(subject: Subject) -> list[Finding]:
    """Let Resource Manager check the deployment: under a name of its own, for one of this app may be running."""
    if not _can_be_validated(subject):
        return []
    name = f"{deployment_name(subject.wanted.project.app.name)}-check"
    ref = subject.site.deployment(name)
    document = subject.wanted.template.document
    try:
        await subject.site.cloud.preflight.validate(ref, document, subject.parameters)
    except AppError as error:
        if lacks_registration(error):
            return []  # Provision registers it first
        remedy = error.suggestion or "Read the words above, or show them to an owner of the subscription."
        return [Finding(found("validation-refused", error.link, what=error.message, remedy=remedy), error)]
    return []


def _of_what_exists(subject: Subject) -> Iterator[Finding]:
    for error in refusals(subject.existing, subject.wanted.project, subject.wanted.parameters):
        code = "app-wrong" if error.message.startswith("The container app") else "environment-wrong"
        yield Finding(found(code, error.link, what=error.message, remedy=error.suggestion), error)
    yield from _of_storage(subject)
    yield from _of_another_project(subject)


def _of_storage(subject: Subject) -> Iterator[Finding]:
    existing, resources = subject.existing, subject.wanted.project.resources
    for planned in of_type(resources, ACCOUNT):
        for code in account_obstacles(existing.of(planned), existing.environment):
            yield _finding(code, name=short_name(planned))
    for planned in of_type(resources, SHARE):
        for code in share_obstacles(existing.of(planned)):
            yield _finding(code, name=short_name(planned))


def _of_another_project(subject: Subject) -> Iterator[Finding]:
    """Yield a finding where another project's Provision made the app that stands here."""
    name, project = subject.wanted.project.app.name, subject.request.project
    label = other_maker(subject.earlier, project, subject.files.config, name)
    if subject.existing.app is not None and label:
        code = "app-taken-over" if subject.request.assume_yes else "app-of-another"
        yield _finding(code, name=name, label=label)


def _finding(code: str, link: str | None = None, **values: str) -> Finding:
    return Finding(found(code, link, **values), stops=CATALOGUE[code].stops)


def _scope_words(subject: Subject) -> str:
    if subject.site.exists:
        return f"the resource group {subject.site.group.name}"
    return f"the subscription {subject.site.subscription.name}"
