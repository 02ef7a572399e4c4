"""Each message of the wire, seen from an editor."""

from __future__ import annotations

import json
from typing import TYPE_CHECKING, Any

import pytest
from aitk_inference.cli.arguments import parser
from lsprotocol import types
from pygls.exceptions import JsonRpcException

if TYPE_CHECKING:
    from pathlib import Path

    from product.lsp.conftest import EditorClient


VERBS = {
    "account",
    "provision",
    "plan",
    "preflight",
    "fix",
    "delete",
    "deploy",
    "preview",
    "check",
    "status",
    "open",
    "logs",
    "stopLogs",
    "ask",
    "portal",
    "stop",
    "start",
    "scale",
    "secrets",
    "protect",
    "sync",
    "new",
}


def plain_json(value: Any) -> Any:
    """What pygls made of a JSON object (named tuples), as JSON again."""
    if hasattr(value, "_asdict"):
        return {key: plain_json(item) for key, item in value._asdict().items()}
    return [plain_json(item) for item in value] if isinstance(value, list) else value


async def test_initialize_advertises_the_commands(start: Any) -> None:
    result = await (await start()).initialize()
    assert set(result.capabilities.execute_command_provider.commands) == {
        f"aitk-inference.{verb}" for verb in sorted(VERBS)
    }


def test_the_server_offers_what_the_terminal_does() -> None:
    (verbs,) = (action.choices for action in parser()._actions if isinstance(action.choices, dict))
    assert set(verbs) - {"demo", "serve"} == VERBS - {
        "preview",
        "account",
        "plan",
        "preflight",
        "fix",
        "stopLogs",
    }


async def test_the_output_panel_tells_which_server_is_ready(editor: EditorClient) -> None:
    await editor.until(lambda: "is ready (Python 3." in editor.log)
    assert editor.log.startswith("aitk-inference ")


async def test_deploy_answers_with_endpoint_configuration_and_buttons(editor: EditorClient) -> None:
    result = plain_json(await editor.run("deploy"))
    assert result["endpoint"] == "http://127.0.0.1:5/"
    assert result["configUri"] == (editor.folders[0] / "infra/inference.config.json").as_uri()
    assert [(b["kind"], b["title"]) for b in result["actions"]] == [
        ("openEndpoint", "Go to Inference Endpoint"),
        ("openFile", "Open configuration"),
        ("showLogs", "Show logs"),
    ]
    assert result["actions"][1]["target"] == result["configUri"]
    assert editor.requests == []  # an editor that draws notifications itself is not sent a second one


async def test_questions_come_in_one_batch_and_answers_reach_the_flow(editor: EditorClient) -> None:
    editor.answers.append({"answers": {"subscription": "local", "resourceGroup": "rg-new"}})
    result = plain_json(await editor.run("provision", resourceGroup="ask"))
    asked = plain_json(editor.asked.get_nowait())
    assert asked["title"] == "Provision Azure Container Apps for inference"
    assert [(q["kind"], q["name"]) for q in asked["questions"]] == [
        ("choice", "subscription"),
        ("text", "resourceGroup"),
    ]
    assert asked["questions"][0]["default"] == "local"
    assert asked["questions"][0]["options"][0]["label"] == "Local (this computer)"
    assert asked["questions"][1]["pattern"] == r"[\w-]+"
    assert result["data"] == {"subscription": "local", "resourceGroup": "rg-new"}


@pytest.mark.parametrize("answer", [{}, None])
async def test_a_closed_question_ends_the_run_without_noise(editor: EditorClient, answer: Any) -> None:
    editor.answers.append(answer)
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("provision", resourceGroup="ask")
    assert caught.value.code == types.LSPErrorCodes.RequestCancelled
    failure = plain_json(caught.value.data)
    assert (failure["code"], failure["severity"]) == ("Dismissed", "none")
    assert editor.lsp.messages == []


@pytest.mark.parametrize(
    "answers",
    [
        {"subscription": "nobody", "resourceGroup": "rg"},
        {"subscription": "local", "resourceGroup": "not allowed!"},
        {"subscription": "local"},
    ],
)
async def test_an_answer_that_does_not_fit_its_question_is_not_believed(
    editor: EditorClient, answers: dict[str, str]
) -> None:
    editor.answers.append({"answers": answers})
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("provision", resourceGroup="ask")
    assert plain_json(caught.value.data)["code"] == "InputRequired"


async def test_progress_stands_on_the_clients_token_and_in_the_output_panel(editor: EditorClient) -> None:
    token = editor.token()
    await editor.run("provision", token, resourceGroup="steps")
    reports = editor.lsp.progress_reports[token]
    assert isinstance(reports[0], types.WorkDoneProgressBegin)
    assert reports[0].cancellable
    assert isinstance(reports[-1], types.WorkDoneProgressEnd)
    assert [(r.message, r.percentage) for r in reports[1:-1]] == [
        ("reading the project", None),
        ("3 of 7 resources", 40),
        ("3 of 7 resources", 42),
    ]
    assert "    2.5 s  Deploy: 3 of 7 resources" in editor.log
    assert editor.log.count("3 of 7 resources") == 1


async def test_a_warning_is_shown_and_logged(editor: EditorClient) -> None:
    await editor.run("provision", resourceGroup="steps")
    assert [m.type for m in editor.lsp.messages] == [types.MessageType.Warning]
    assert "Both parameter files exist" in editor.log


async def test_a_secret_is_asked_for_and_never_logged(editor: EditorClient) -> None:
    editor.answers.append({"answers": {"hfToken": "hf_verysecret"}})
    await editor.run("provision", resourceGroup="secret")
    assert plain_json(editor.asked.get_nowait())["questions"][0]["kind"] == "secret"
    assert "hidden" in editor.log
    assert "hf_verysecret" not in editor.log
    assert "Zm9vYmFy" not in editor.log


async def test_a_new_key_is_a_message_and_no_line_of_the_panel(editor: EditorClient) -> None:
    result = await editor.run("provision", resourceGroup="new-key")
    await editor.until(lambda: editor.requests)
    assert [m.message for m in editor.requests] == ["The key, shown this once: canary-of-a-new-key"]
    editor.pressed.append("I have it")
    assert "wants a key now" in editor.log
    assert "canary" not in editor.log + json.dumps(plain_json(result))


async def test_a_failed_start_opens_the_line_that_is_to_blame_and_offers_the_logs(
    editor: EditorClient,
) -> None:
    file = editor.folders[0] / "app.py"
    file.write_text("import os\n\ndef f(:\n")
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("deploy", restart=False)
    failure = plain_json(caught.value.data)
    assert failure["headline"].startswith(
        "app does not start: a Python file has a syntax error. Mend that line"
    )
    assert [(b["kind"], b["title"]) for b in failure["actions"]] == [
        ("openFile", "Open app.py"),
        ("showLogs", "Show logs"),
    ]
    assert failure["actions"][0]["target"] == f"{file.as_uri()}#L3,7"
    assert [(p["uri"], p["line"]) for p in failure["problems"]] == [(file.as_uri(), 2)]
    assert "  SyntaxError: invalid syntax" in failure["details"]
    await editor.until(lambda: editor.lsp.diagnostics.get(file.as_uri()))


async def test_a_failure_says_cause_way_out_and_link(editor: EditorClient) -> None:
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("provision", resourceGroup="refused")
    failure = plain_json(caught.value.data)
    assert caught.value.code == types.LSPErrorCodes.RequestFailed
    assert caught.value.message == "The deployment failed. Ask for quota."
    assert failure["code"] == "ProvisionFailed"
    assert failure["causes"] == ["MaxGpu: No GPU. sig=[hidden]"]
    assert (failure["severity"], failure["headline"]) == (
        "error",
        "The deployment failed. MaxGpu: No GPU. sig=[hidden] Ask for quota.",
    )
    assert failure["details"] == [
        "The deployment failed.",
        "  MaxGpu: No GPU. sig=[hidden]",
        "Ask for quota.",
        "https://example.com/q",
    ]
    assert failure["link"] == "https://example.com/q"
    assert [b["kind"] for b in failure["actions"]] == ["openLink", "showOutput"]
    assert "{raw}" not in editor.log


async def test_debug_level_shows_the_raw_detail(editor: EditorClient) -> None:
    editor.lsp._configuration[""] = {"aitk": {"inference": {"logLevel": "debug"}}}
    with pytest.raises(JsonRpcException):
        await editor.run("provision", resourceGroup="refused")
    assert "{raw}" in editor.log


async def test_a_mistake_in_a_file_is_told_with_its_place(editor: EditorClient) -> None:
    path = editor.folders[0] / "infra/inference.config.json"
    (path.parent / "provision").mkdir(parents=True)
    path.write_text("{\n")
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("provision", resourceGroup="invalid")
    failure = plain_json(caught.value.data)
    assert failure["problems"] == [
        {"uri": path.as_uri(), "message": "Expecting ',' delimiter", "line": 3, "column": 2}
    ]
    assert failure["actions"][0] == {
        "kind": "openFile",
        "title": "Open inference.config.json",
        "target": path.as_uri() + "#L4,3",
    }


async def test_a_folder_that_is_no_project_offers_to_become_one(editor: EditorClient) -> None:
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("provision", resourceGroup="invalid")
    action = plain_json(caught.value.data)["actions"][0]
    assert action == {"kind": "run", "title": "Create Project…", "target": "aitk-inference.new"}
    await editor.run("new")
    assert (editor.folders[0] / "infra").is_dir()


async def test_status_carries_facts_for_programs(editor: EditorClient) -> None:
    result = plain_json(await editor.run("status"))
    assert result["data"] == {"runningStatus": "Running", "nested": {"list": [1, None, "x"]}}
    assert "endpoint" not in result


async def test_a_preview_has_its_own_title_and_its_list_stands_in_the_output_panel(
    editor: EditorClient,
) -> None:
    result = plain_json(await editor.run("preview"))
    assert (result["severity"], result["headline"], result["details"]) == (
        "info",
        "Deploy would change 1 of 2 files (nothing was sent).",
        ["  send    a.py"],
    )
    assert result["summary"].splitlines() == [
        "Deploy would change 1 of 2 files (nothing was sent):",
        "  send    a.py",
    ]
    assert f"Preview what Deploy for inference would send: {result['summary']}" in editor.log
    assert result["actions"] == []


async def test_logs_stand_in_the_output_panel_and_steer_nothing(editor: EditorClient) -> None:
    result = plain_json(await editor.run("logs", tail=2))
    assert result["data"] == {"lines": 2}
    assert "line 1 of the app" in editor.log
    assert "\x1b" not in editor.log
    assert "line 2" not in editor.log


async def test_target_setting_answers_the_subscription(editor: EditorClient) -> None:
    editor.lsp._configuration[""] = {"aitk": {"inference": {"target": "local"}}}
    result = plain_json(await editor.run("provision", resourceGroup="given"))
    assert result["summary"] == "local"


async def test_a_yes_that_is_missing_is_named_as_the_wire_has_it(editor: EditorClient) -> None:
    editor.answers.append({"answers": {"subscription": "local", "overwrite": "perhaps"}})
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("provision", resourceGroup="short")
    assert [item["name"] for item in plain_json(caught.value.data)["inputs"]] == ["assumeYes"]


# --- the editor's account -----------------------------------------------------------------------------------


async def test_a_token_of_the_editors_account_is_asked_for_and_never_logged(editor: EditorClient) -> None:
    editor.answers.append({"token": "eyJ.very.secret", "expiresOn": 1900000000})
    result = plain_json(await editor.run("provision", resourceGroup="token"))
    assert plain_json(editor.asked.get_nowait()) == {
        "scopes": ["https://management.azure.com/.default"],
        "tenantId": "t",
        "claims": "c",
        "interactive": True,
        "wwwAuthenticate": "Bearer x",
    }
    assert result["summary"] == "A token of 15 letters, until 1900000000."
    assert "very.secret" not in editor.log


@pytest.mark.parametrize("answer", [{}, None, {"token": 7}, {"token": "", "expiresOn": 1}])
async def test_who_does_not_sign_in_is_told_so(editor: EditorClient, answer: Any) -> None:
    editor.answers.append(answer)
    with pytest.raises(JsonRpcException, match=r"You are not signed in to Azure\. Run the command again"):
        await editor.run("provision", resourceGroup="token")


async def test_an_editor_without_accounts_is_not_asked_for_a_token(plain: EditorClient) -> None:
    result = plain_json(await plain.run("provision", resourceGroup="token"))
    assert result["summary"] == "The editor gives no tokens."
    assert plain.asked.empty()


# --- one flow a project -----------------------------------------------------------------------------------


async def test_a_second_command_on_the_project_says_what_is_running(editor: EditorClient) -> None:
    msg_id, first = editor.start("provision", editor.token(), resourceGroup="wait")
    await editor.until(lambda: "waiting" in editor.log)
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("deploy")
    failure = plain_json(caught.value.data)
    assert failure["code"] == "Busy"
    assert "“Provision Azure Container Apps for inference” is running" in failure["message"]
    assert "Deploy, 40 %" in failure["message"]
    assert failure["actions"][0] == {"kind": "showOutput", "title": "Show what is running", "target": ""}
    editor.cancel(msg_id)
    with pytest.raises(JsonRpcException, match="was cancelled; 3 resources stay"):
        await first
    await editor.run("deploy")


async def test_a_run_of_another_process_has_no_steps_to_show_here(editor: EditorClient) -> None:
    with pytest.raises(JsonRpcException) as caught:
        await editor.run("provision", resourceGroup="elsewhere")
    failure = plain_json(caught.value.data)
    assert (failure["code"], failure["severity"]) == ("Busy", "warning")
    assert failure["actions"] == [{"kind": "run", "title": "Run again", "target": "aitk-inference.provision"}]


async def test_two_folders_run_at_once(start: Any, tmp_path: Path) -> None:
    folders = [tmp_path / "one", tmp_path / "two"]
    for folder in folders:
        folder.mkdir()
    editor = await start(folders=folders)
    await editor.initialize(ask=True, notifications=True)
    uri = [folder.as_uri() for folder in folders]
    msg_id, waiting = editor.start("provision", projectUri=uri[0], resourceGroup="wait")
    result = plain_json(await editor.run("deploy", projectUri=uri[1]))
    assert result["configUri"].startswith(uri[1])
    assert not waiting.done()
    with pytest.raises(JsonRpcException, match="projectUri"):
        await editor.run("deploy")
    editor.cancel(msg_id)
    with pytest.raises(JsonRpcException):
        await waiting


# --- an editor that knows LSP alone -----------------------------------------------------------------------


async def test_a_plain_client_runs_a_flow_by_arguments_alone(plain: EditorClient) -> None:
    plain.pressed.append(None)
    result = plain_json(await plain.run("deploy", projectUri=plain.folders[0].as_uri()))
    assert result["endpoint"] == "http://127.0.0.1:5/"


async def test_a_plain_client_gets_the_button_after_the_answer(plain: EditorClient) -> None:
    await plain.run("deploy")  # answered although nobody has pressed anything yet
    await plain.until(lambda: plain.requests)
    assert [a.title for a in plain.requests[0].actions] == ["Go to Inference Endpoint", "Open configuration"]
    plain.pressed.append("Go to Inference Endpoint")
    await plain.until(lambda: plain.lsp.shown_documents)
    shown = plain.lsp.shown_documents[0]
    assert (shown.uri, shown.external) == ("http://127.0.0.1:5/", True)


async def test_a_plain_client_is_asked_short_questions_by_messages(plain: EditorClient) -> None:
    plain.pressed.extend(["Contoso", "Overwrite"])
    result = plain_json(await plain.run("provision", resourceGroup="short"))
    assert result["data"]["overwrite"] == "yes"
    assert result["data"]["subscription"].startswith("1111")
    assert plain.requests[1].message == "Overwrite it? It belongs to another project."


async def test_a_plain_client_is_told_which_arguments_to_pass(plain: EditorClient) -> None:
    with pytest.raises(JsonRpcException) as caught:
        await plain.run("provision", resourceGroup="ask")
    failure = plain_json(caught.value.data)
    assert failure["code"] == "InputRequired"
    assert failure["suggestion"] == "Pass subscription, resourceGroup in the command's argument."
    assert [(i["name"], i["flag"]) for i in failure["inputs"]] == [
        ("subscription", "--subscription"),
        ("resourceGroup", "--resource-group"),
    ]
