"""What is wrong with a project's files is in the editor's list of problems until it is mended."""

from __future__ import annotations

import os
import shutil
import sys
from contextlib import asynccontextmanager
from pathlib import Path
from typing import TYPE_CHECKING, Any

from product.lsp.raw import raw_client
from support.shared import shared
from support.tiny_models import lora_tensors, make_adapter, make_base, write_json

if TYPE_CHECKING:
    from collections.abc import AsyncIterator

    from product.lsp.raw import RawClient

SERVE = [sys.executable, "-m", "aitk_inference", "serve"]
INFRA = Path(__file__).resolve().parents[3] / "infra"
WRONG = "\nvar café = '😀é${nowhere}'\noutput drink string = café\n"


@asynccontextmanager
async def opened(tmp_path: Path, path: str) -> AsyncIterator[tuple[RawClient, Path]]:
    """A server and a project, with this PATH and no home to find a CLI in."""
    project = tmp_path / "my project"
    shutil.copytree(INFRA / "provision", project / "infra/provision")
    home = {"HOME": str(tmp_path), "USERPROFILE": str(tmp_path), "AITK_STATE_DIR": str(tmp_path / "state")}
    async with raw_client(SERVE, PATH=path, **home) as client:
        await client.initialize(project)
        yield client, project


def with_cli() -> str:
    return os.pathsep.join([str(shared("tools/bicep").parent), os.environ["PATH"]])


def template(project: Path) -> Path:
    return project / "infra/provision/inference.bicep"


def opens(client: RawClient, path: Path) -> None:
    document = {"uri": path.as_uri(), "languageId": "bicep", "version": 1, "text": path.read_text("utf-8")}
    client.send(method="textDocument/didOpen", params={"textDocument": document})


def saves(client: RawClient, path: Path) -> None:
    client.received.clear()
    client.send(method="textDocument/didSave", params={"textDocument": {"uri": path.as_uri()}})


def changes(client: RawClient, path: Path) -> None:
    client.received.clear()
    client.send(
        method="workspace/didChangeWatchedFiles", params={"changes": [{"uri": path.as_uri(), "type": 2}]}
    )


async def problems(client: RawClient, path: Path) -> list[dict[str, Any]]:
    """The next list of this file's problems."""

    def of_it(message: dict[str, Any]) -> bool:
        published = message.get("method") == "textDocument/publishDiagnostics"
        return published and message["params"]["uri"] == path.as_uri()

    found: list[dict[str, Any]] = (await client.until(of_it))["params"]["diagnostics"]
    return found


def append(path: Path, text: str) -> None:
    path.write_text(path.read_text("utf-8") + text, "utf-8")


async def test_a_mistake_in_the_template_stands_at_its_place_until_it_is_mended(tmp_path: Path) -> None:
    async with opened(tmp_path, with_cli()) as (client, project):
        source = template(project)
        good = source.read_text("utf-8")
        append(source, WRONG)
        line = good.count("\n") + 1
        opens(client, source)
        found = {item["code"]: item for item in await problems(client, source)}
        assert found["BCP057"]["range"] == {
            "start": {"line": line, "character": 17},  # in UTF-16 units: the face counts twice
            "end": {"line": line, "character": 24},
        }
        assert (found["BCP057"]["severity"], "nowhere" in found["BCP057"]["message"]) == (1, True)
        source.write_text(good, "utf-8")
        saves(client, source)
        assert await problems(client, source) == []


async def test_a_warning_is_no_error(tmp_path: Path) -> None:
    async with opened(tmp_path, with_cli()) as (client, project):
        append(template(project), "\nparam idle string = ''\n")
        changes(client, template(project))
        found = await problems(client, template(project))
        assert [(item["severity"], item["code"]) for item in found] == [(2, "no-unused-params")]


async def test_a_mistake_in_a_module_stands_in_the_module(tmp_path: Path) -> None:
    async with opened(tmp_path, with_cli()) as (client, project):
        module = template(project).with_name("more.bicep")
        module.write_text("output said string = 7\n", "utf-8")
        append(template(project), "\nmodule more 'more.bicep' = { name: 'more' }\n")
        opens(client, module)
        assert [item["code"] for item in await problems(client, module)] == ["BCP033"]


async def test_a_mistake_in_bicep_parameters_stands_at_its_place_until_it_is_mended(tmp_path: Path) -> None:
    async with opened(tmp_path, with_cli()) as (client, project):
        parameters = project / "infra/provision/inference.bicepparam"
        parameters.write_text("using 'inference.bicep'\nparam cpu = nowhere\n", "utf-8")
        opens(client, parameters)
        (found,) = await problems(client, parameters)
        assert found["range"]["start"] == {"line": 1, "character": 12}
        parameters.write_text("using 'inference.bicep'\nparam cpu = '2'\n", "utf-8")
        saves(client, parameters)
        assert await problems(client, parameters) == []


async def test_what_provision_refuses_is_shown_without_a_bicep_cli(tmp_path: Path) -> None:
    async with opened(tmp_path, str(tmp_path)) as (client, project):
        parameters = project / "infra/provision/inference.parameters.json"
        good = parameters.read_text("utf-8")
        parameters.write_text('{"parameters": {\n  "cpu" 1}}', "utf-8")
        client.execute(1, "provision", {"subscription": "local"})
        assert (await client.answer(1))["error"]["data"]["code"] == "InvalidProject"
        (found,) = await problems(client, parameters)
        assert found["range"]["start"] == {"line": 1, "character": 8}
        parameters.write_text(good, "utf-8")
        saves(client, parameters)
        assert await problems(client, parameters) == []


async def test_a_parameter_that_the_template_lacks_is_shown_at_its_line(tmp_path: Path) -> None:
    async with opened(tmp_path, str(tmp_path)) as (client, project):
        parameters = project / "infra/provision/inference.parameters.json"
        parameters.write_text('{"parameters": {\n  "nothing": {"value": 1}\n}}', "utf-8")
        opens(client, parameters)
        (found,) = await problems(client, parameters)
        assert found["range"]["start"] == {"line": 1, "character": 2}
        assert "nothing" in found["message"]


async def test_without_a_bicep_cli_nothing_is_shown_and_one_line_says_so(tmp_path: Path) -> None:
    async with opened(tmp_path, str(tmp_path)) as (client, project):
        append(template(project), WRONG)
        opens(client, template(project))
        changes(client, template(project))
        client.received.clear()
        client.execute(1, "status", {"projectUri": (tmp_path / "none").as_uri()})
        await client.answer(1)
        await client.until(lambda m: "problems are not shown" in str(m))
        assert client.sent("textDocument/publishDiagnostics") == []
        assert len([m for m in client.received if "problems are not shown" in str(m)]) == 1


async def test_files_that_are_no_projects_are_left_alone(tmp_path: Path) -> None:
    async with opened(tmp_path, str(tmp_path)) as (client, project):
        stray = tmp_path / "inference.bicep"
        stray.write_text("wrong", "utf-8")
        opens(client, stray)
        append(template(project), WRONG)
        client.execute(1, "status", {})
        await client.answer(1)
        assert client.sent("textDocument/publishDiagnostics") == []


async def test_what_is_wrong_with_the_model_stands_in_its_configuration_until_it_is_mended(
    tmp_path: Path,
) -> None:
    async with opened(tmp_path, os.environ["PATH"]) as (client, project):
        make_base(project / "model-cache/org/base")
        make_adapter(project / "models/adapter", use_dora=True)
        settings = project / "inference/config.json"
        write_json(settings, {"base": "org/base", "adapter": "../models/adapter"})
        adapter = project / "models/adapter/adapter_config.json"
        opens(client, adapter)
        (found,) = await problems(client, adapter)
        assert (found["code"], found["severity"]) == ("dora", 1)
        assert "merge_and_unload" in found["message"]
        assert found["codeDescription"]["href"].startswith("https://")
        line, text = found["range"]["start"]["line"], adapter.read_text("utf-8")
        assert '"use_dora"' in text.splitlines()[line]
        make_adapter(project / "models/adapter", lora_tensors({"self_attn.q_proj": (32, 64)}))
        saves(client, adapter)
        assert [problem["code"] for problem in await problems(client, adapter)] == ["shape-differs"]
        make_adapter(project / "models/adapter")
        changes(client, settings)
        assert await problems(client, adapter) == []
        write_json(settings, {"base": "org/base", "adapter": "../models/adapter", "contextTokens": 4096})
        parameters = project / "infra/provision/inference.parameters.json"
        text = parameters.read_text("utf-8").replace('"Consumption"', '"Consumption-GPU-NC8as-T4"')
        parameters.write_text(text, "utf-8")
        changes(client, settings)
        assert [problem["code"] for problem in await problems(client, settings)] == ["context-beyond-model"]


async def test_the_check_is_a_command(tmp_path: Path) -> None:
    async with opened(tmp_path, os.environ["PATH"]) as (client, project):
        make_base(project / "model-cache/org/base")
        make_adapter(project / "models/adapter")
        write_json(project / "inference/config.json", {"base": "org/base", "adapter": "../models/adapter"})
        client.execute(1, "check", {"projectUri": project.as_uri()})
        failure = (await client.answer(1))["error"]["data"]
        assert failure["code"] == "InvalidProject"
        assert "has no GPU" in failure["problems"][0]["message"]
        parameters = project / "infra/provision/inference.parameters.json"
        text = parameters.read_text("utf-8").replace('"Consumption"', '"Consumption-GPU-NC24-A100"')
        parameters.write_text(text, "utf-8")
        client.execute(2, "check", {"projectUri": project.as_uri()})
        result = (await client.answer(2))["result"]
        assert result["data"]["findings"] == []
        assert result["data"]["engineOptions"]["maxLoraRank"] == 8
