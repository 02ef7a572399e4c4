"""Puts projects into a state that tests begin with."""

from __future__ import annotations

import json
import shutil
from typing import TYPE_CHECKING, Any

from aitk_inference.core.config import InferenceConfig, write_config
from aitk_inference.flows.api import DeployRequest, ProvisionRequest
from aitk_inference.flows.deploy.deploy import deploy
from aitk_inference.flows.provision.provision import provision
from support.app_provider import app, environment
from support.azure_world import AZURE, GROUP, World, WorldClouds
from support.scripted import Scripted
from support.under_test import server

if TYPE_CHECKING:
    from collections.abc import Sequence
    from pathlib import Path

    from aitk_inference.flows.outcome import Outcome

SMALL_COMMANDS = ["cd /mount/inference", "pip install -r requirements.txt", "python gradio_chat.py"]
"""What starts a project that has no start.py of the starter's."""
_ANSWERING = """\
import http.server, os
class Handler(http.server.BaseHTTPRequestHandler):
    def do_GET(self):
        self.send_response(200)
        self.end_headers()
        self.wfile.write(open("answer.txt", "rb").read())
    def log_message(self, *_): pass
http.server.HTTPServer(("127.0.0.1", int(os.environ["PORT"])), Handler).serve_forever()
"""


ENDPOINT = "http://127.0.0.1:50000"
"""Where the stand-in for the ingress opens the first app."""


def provisioned(project: Path, azure: World, profiles: Sequence[dict[str, Any]] = (), **changes: Any) -> None:
    """A filled configuration and its app in Azure, whose body has these ``changes``."""
    home = azure.provider("Microsoft.App/managedEnvironments/env")
    azure.ask("PUT", home, environment(*profiles), subscription=AZURE)
    change_app(azure, **changes)
    write_config(project, InferenceConfig(AZURE.id, GROUP, "storage", "share", "app", ENDPOINT))


def change_app(azure: World, **changes: Any) -> None:
    """Give the app another body: its usual one with these ``changes``."""
    path = azure.provider("Microsoft.App/containerApps/app")
    home = f"/subscriptions/{AZURE.id}{azure.provider('Microsoft.App/managedEnvironments/env')}"
    azure.ask("PUT", path, app(**{"environmentId": home} | changes), subscription=AZURE)


async def provision_local(project: Path, world: World, ui: Scripted | None = None, **given: Any) -> Outcome:
    """Run Provision into the group "models" of this computer; ``given`` are fields of the request."""
    request = ProvisionRequest(project, "local", "models")._replace(**given)
    return await provision(request, ui=ui or Scripted(), clouds=WorldClouds(world))


async def deploy_project(project: Path, world: World, ui: Scripted | None = None, **given: Any) -> Outcome:
    """Run Deploy; ``given`` are fields of the request."""
    request = DeployRequest(project)._replace(**given)
    return await deploy(request, ui=ui or Scripted(), clouds=WorldClouds(world))


def set_parameters(project: Path, **values: object) -> Path:
    """Change values of the parameters file."""
    path = project / "infra/provision/inference.parameters.json"
    document = json.loads(path.read_text())
    for name, value in values.items():
        document["parameters"][name] = {"value": value}
    path.write_text(json.dumps(document, indent=2))
    return path


def small_project(root: Path, answer: str = "one") -> Path:
    """A project whose app needs no packages and answers with the text of ``inference/answer.txt``."""
    (root / "inference").mkdir(parents=True)
    (root / "inference" / "gradio_chat.py").write_text(_ANSWERING)
    (root / "inference" / "requirements.txt").write_text("")
    (root / "inference" / "answer.txt").write_text(answer)
    infra = server().parent / "infra"
    shutil.copytree(infra / "provision", root / "infra" / "provision")
    shutil.copy(infra / "inference.config.json", root / "infra")
    set_parameters(root, defaultCommands=SMALL_COMMANDS)
    return root


def make_small(project: Path) -> Path:
    """Put that app in the place of a starter's, which needs packages and a model."""
    shutil.rmtree(project / "sample")
    shutil.rmtree(project / "inference")
    shutil.rmtree(project / "infra")
    return small_project(project)


def with_server(project: Path, source: str) -> Path:
    """Put an app of one file in the place of a starter's, which needs packages and a model."""
    shutil.rmtree(project / "sample")
    shutil.rmtree(project / "inference")
    (project / "inference").mkdir()
    (project / "inference/server.py").write_text(source)
    set_parameters(project, defaultCommands=["cd /mount/inference", "python server.py"])
    return project
