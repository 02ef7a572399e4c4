"""A secret that a variable shows: HF_TOKEN for a gated model, offered where one is named."""

from __future__ import annotations

import asyncio
import json
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.core.config import read_config
from aitk_inference.core.errors import AppError
from aitk_inference.core.user_interface import Choice, Text
from aitk_inference.flows.api import SecretsRequest
from aitk_inference.flows.app.secret_variable import gated_base
from aitk_inference.flows.operate.secrets import secrets
from support.azure_world import World, WorldClouds
from support.projects import provision_local
from support.scripted import Scripted
from support.scripted_replicas import EverReady

if TYPE_CHECKING:
    from pathlib import Path

    from aitk_inference.flows.outcome import Outcome

API = "2025-01-01"
CANARY = "hf_canary-9a3c"


@pytest.fixture
async def app(project: Path, azure: World) -> str:
    """The path of a provisioned app that runs."""
    azure.replicas = EverReady()
    await provision_local(project, azure)
    path = azure.provider(f"Microsoft.App/containerApps/{read_config(project).aca_app_name}")
    await asyncio.to_thread(lambda: azure.ask("POST", f"{path}/start", version=API))
    return path


async def set_secret(project: Path, azure: World, name: str | None, ui: Scripted | None = None) -> Outcome:
    request = SecretsRequest(project, "set", name)
    return await secrets(request, ui=ui or Scripted(), clouds=WorldClouds(azure), value=CANARY)


async def variables(azure: World, app: str) -> list[dict[str, Any]]:
    found = await asyncio.to_thread(lambda: azure.ask("GET", app, version=API))
    env: list[dict[str, Any]] = found["properties"]["template"]["containers"][0]["env"]
    return env


def name_base(project: Path, base: str) -> None:
    (project / "inference/config.json").write_text(json.dumps({"base": base, "baseOnly": True}))


async def test_a_variable_gets_its_value_by_a_reference_alone(project: Path, azure: World, app: str) -> None:
    before = await variables(azure, app)
    ui = Scripted()
    outcome = await set_secret(project, azure, "HF_TOKEN", ui)
    env = await variables(azure, app)
    assert [one for one in env if one["name"] == "HF_TOKEN"] == [
        {"name": "HF_TOKEN", "secretRef": "hf-token"}
    ]
    assert [one for one in env if one["name"] != "HF_TOKEN"] == before
    assert "A new revision starts, in which HF_TOKEN has its value." in outcome.summary
    assert outcome.data["variable"] == "HF_TOKEN"
    assert CANARY not in repr(outcome) + repr(ui.steps) + repr(ui.said)
    again = await set_secret(project, azure, "HF_TOKEN")
    assert "has this value already" in again.summary


async def test_what_could_be_a_value_is_no_variable(project: Path, azure: World, app: str) -> None:
    for name in ("AKIAABCDEFGHIJKLMNOP", "Hf_Token", "hf_token", "_X", "A__B"):
        with pytest.raises(AppError, match="can't be the name") as caught:
            await set_secret(project, azure, name)
        assert name not in caught.value.message + caught.value.suggestion.replace("HF_TOKEN", "")


async def test_the_token_is_offered_where_a_gated_model_is_named(
    project: Path, azure: World, app: str
) -> None:
    name_base(project, "meta-llama/Llama-3.1-8B")
    ui = Scripted(answers={"name": "HF_TOKEN"})
    await set_secret(project, azure, None, ui)
    (question,) = ui.asked
    assert isinstance(question, Choice)
    assert (question.options[0].value, question.options[0].description) == (
        "HF_TOKEN",
        "the token that meta-llama/Llama-3.1-8B wants",
    )
    assert "HF_TOKEN" in [one["name"] for one in await variables(azure, app)]


async def test_without_a_gated_model_the_name_is_asked_for(project: Path, azure: World, app: str) -> None:
    ui = Scripted(answers={"name": "other-token"})
    await set_secret(project, azure, None, ui)
    (question,) = ui.asked
    assert isinstance(question, Text)


@pytest.mark.parametrize(
    ("base", "is_gated"),
    [
        ("meta-llama/Llama-3.1-8B", True),
        ("Google/Gemma-3-4b-it", True),
        ("Qwen/Qwen3-4B", False),
        ("../model-cache/base", False),
        ("", False),
    ],
)
def test_models_that_want_an_agreement_are_known_by_their_makers(
    project: Path, base: str, is_gated: bool
) -> None:
    name_base(project, base)
    assert bool(gated_base(project)) == is_gated


async def test_provision_says_what_the_model_wants_and_who_reaches_it(project: Path, azure: World) -> None:
    name_base(project, "meta-llama/Llama-3.1-8B")
    outcome = await provision_local(project, azure)
    assert "aitk-inference secrets set HF_TOKEN" in outcome.summary
    assert "secrets" in [action.target for action in outcome.actions]
    assert (outcome.data["public"], outcome.data["protection"]) == (True, [])
    assert "public" not in outcome.summary  # of this computer nobody else can reach anything
