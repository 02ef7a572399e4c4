"""The account: who is signed in to Azure, how, in which directory; and the choice of another for a project."""

from __future__ import annotations

from dataclasses import replace
from typing import TYPE_CHECKING

from aitk_inference.core.config import CONFIG_PATH, SIGN_IN_KEY, TENANT_KEY, read_config, write_config
from aitk_inference.core.errors import NotAuthenticated
from aitk_inference.core.user_interface import Choice, Option
from aitk_inference.flows.outcome import Outcome

if TYPE_CHECKING:
    from collections.abc import Sequence

    from aitk_inference.core.accounts import Account, Directory
    from aitk_inference.core.config import InferenceConfig
    from aitk_inference.core.model import Json
    from aitk_inference.core.ports import Clouds
    from aitk_inference.core.user_interface import UserInterface
    from aitk_inference.flows.api import AccountRequest


async def show_account(request: AccountRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Say who is signed in to Azure, how, and in which directory. Nobody is asked to sign in.

    Raises:
        InvalidProject: the configuration can't be read.
        NotAuthenticated, Unreachable.
    """
    config = _prepare(request, ui=ui, clouds=clouds)
    account = await clouds.account(config.tenant_id)
    return _outcome(account, await clouds.directories(), config.tenant_id)


async def choose_account(request: AccountRequest, *, ui: UserInterface, clouds: Clouds) -> Outcome:
    """Choose the sign-in and the directory of a project, and note them in its configuration.

    Raises:
        InvalidProject: the configuration can't be read.
        NotAuthenticated, Unreachable, InputRequired, Dismissed.
    """
    config = _prepare(request, ui=ui, clouds=clouds)
    sign_in = await _choose_sign_in(config, ui=ui, clouds=clouds)
    clouds.prefer(sign_in)
    account = await clouds.account(interactive=ui.can_ask)
    directories = await clouds.directories()
    tenant = await _choose_directory(config, account, directories, ui)
    others = {key: value for key, value in config.extra.items() if key not in (TENANT_KEY, SIGN_IN_KEY)}
    chosen: dict[str, Json] = {TENANT_KEY: tenant, SIGN_IN_KEY: sign_in, **others}
    path = write_config(request.project, replace(config, extra=chosen))
    outcome = _outcome(account, directories, tenant)
    return outcome._replace(config=path, summary=f"{outcome.summary}\nNoted in {CONFIG_PATH.as_posix()}.")


def _prepare(request: AccountRequest, *, ui: UserInterface, clouds: Clouds) -> InferenceConfig:
    clouds.attend(ui)
    config = read_config(request.project)
    if config.sign_in:
        clouds.prefer(config.sign_in)
    return config


async def _choose_sign_in(config: InferenceConfig, *, ui: UserInterface, clouds: Clouds) -> str:
    """Return the name of the way to sign in; who each one is stands beside it where somebody is."""
    options = tuple(Option(name, label) for name, label in clouds.sign_ins())
    try:
        now = f"Now: {(await clouds.account()).name or 'signed in'}"
    except NotAuthenticated:
        now = "Nobody is signed in"
    prompt = f"Choose how to sign in to Azure ({now})"
    default = config.sign_in if any(option.value == config.sign_in for option in options) else None
    question = Choice("signIn", prompt, "--sign-in", options, default)
    return (await ui.ask([question]))["signIn"]


async def _choose_directory(
    config: InferenceConfig, account: Account, directories: Sequence[Directory], ui: UserInterface
) -> str:
    options = tuple(Option(item.id, str(item), item.id) for item in directories)
    known = config.tenant_id or account.tenant_id
    default = known if any(option.value == known for option in options) else None
    question = Choice("directory", "Choose the directory (tenant)", "--tenant", options, default)
    return (await ui.ask([question]))["directory"]


def _outcome(account: Account, directories: Sequence[Directory], tenant: str | None) -> Outcome:
    current = tenant or account.tenant_id
    named = next((str(item) for item in directories if item.id == current), "")
    others = [item for item in directories if item.id != current]
    who = account.name or "An account whose token does not name it"
    lines = [
        f"Signed in to Azure as {who}, by {account.source}.",
        f"Directory  {named or 'unknown'} {current}".rstrip(),
        *(f"Also in    {item} {item.id}" for item in others),
    ]
    data: dict[str, Json] = {
        "account": account.name,
        "signIn": account.source,
        "tenantId": current,
        "directories": [{"id": item.id, "name": item.name, "domain": item.domain} for item in directories],
    }
    return Outcome("\n".join(lines), data=data, headline=lines[0])
