"""Puts projects into a state that tests begin with."""

from __future__ import annotations

import json
import shutil
from pathlib import Path
from typing import Any

from aitk_inference.core.config import InferenceConfig, write_config
from aitk_inference.core.model import DeploymentRef
from aitk_inference.flows.provision import provision
from aitk_inference.flows.requests import Outcome, ProvisionRequest
from doubles import ENDPOINT, LOCAL, FakeCloud, FakeClouds
from scripted import Scripted

_INFRA = Path(__file__).resolve().parents[1] / "infra"
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


def provisioned(project: Path, world: FakeCloud, *, app: str = "app") -> None:
    """A filled configuration and the resources that it names."""
    world.names = {
        "storageAccountName": "storage",
        "fileShareName": "share",
        "acaAppName": app,
        "acaEnvironmentName": "env",
    }
    world.provisioned(DeploymentRef(LOCAL.id, "models", "d"))
    config = InferenceConfig(LOCAL.id, "models", "storage", "share", app, ENDPOINT)
    write_config(project, config)


async def provision_local(
    project: Path, world: FakeCloud, ui: Scripted | None = None, **given: Any
) -> Outcome:
    """Run Provision into the group "models" of this computer; ``given`` are fields of the request."""
    request = ProvisionRequest(project, "local", "models")._replace(**given)
    return await provision(request, ui=ui or Scripted(), clouds=FakeClouds(world))


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
    shutil.copytree(_INFRA / "provision", root / "infra" / "provision")
    shutil.copy(_INFRA / "inference.config.json", root / "infra")
    return root


def make_small(project: Path) -> Path:
    """Put that app in the place of a starter's, which needs packages and a model."""
    shutil.rmtree(project / "sample")
    shutil.rmtree(project / "inference")
    shutil.rmtree(project / "infra")
    return small_project(project)
