"""A project in the shape that Microsoft's AI Toolkit generates, written by hand; stubs stand for PyTorch and its kin."""

from __future__ import annotations

import json
import zipfile
from typing import TYPE_CHECKING

from support import starter

if TYPE_CHECKING:
    from pathlib import Path

COMMANDS = [
    "cd /mount",
    "pip install -r ./setup/requirements.txt",
    "cd /mount/inference",
    "pip install -r ./requirements.txt",
    "python3 ./gradio_chat.py",
]
NAMES = {
    "storageAccountName": "aistorage",
    "fileShareName": "aifileshare",
    "acaEnvironmentName": "aienv",
    "acaEnvironmentStorageName": "aienvstorage",
    "acaAppName": "aiacaapp",
    "acaLogAnalyticsName": "ailog",
}
BICEP = """\
param defaultCommands array
param maximumInstanceCount int
param location string = resourceGroup().location
param resourceSuffix string = substring(uniqueString(resourceGroup().id), 0, 5)
%(names)s
var defaultCommand = join(defaultCommands, '; ')

resource account 'Microsoft.Storage/storageAccounts@2023-01-01' = {
  sku: { name: 'Standard_LRS' }
  kind: 'StorageV2'
  name: storageAccountName
  location: location
  properties: { largeFileSharesState: 'Enabled' }
}
resource files 'Microsoft.Storage/storageAccounts/fileServices@2023-01-01' = {
  parent: account
  name: 'default'
  properties: { protocolSettings: { smb: {} }, cors: { corsRules: [] }, shareDeleteRetentionPolicy: { enabled: true, days: 7 } }
}
resource share 'Microsoft.Storage/storageAccounts/fileServices/shares@2023-01-01' = {
  parent: files
  name: fileShareName
  properties: { shareQuota: 1024 }
}
resource logs 'Microsoft.OperationalInsights/workspaces@2022-10-01' = {
  name: acaLogAnalyticsName
  location: location
  properties: { sku: { name: 'PerGB2018' } }
}
resource environment 'Microsoft.App/managedEnvironments@2023-11-02-preview' = {
  name: acaEnvironmentName
  location: location
  properties: {
    daprAIInstrumentationKey: null
    vnetConfiguration: null
    zoneRedundant: false
    customDomainConfiguration: { dnsSuffix: null, certificateValue: null, certificatePassword: null }
    appLogsConfiguration: {
      destination: 'log-analytics'
      logAnalyticsConfiguration: { customerId: logs.properties.customerId, sharedKey: logs.listKeys().primarySharedKey }
    }
    workloadProfiles: [
      { workloadProfileType: 'Consumption', name: 'Consumption' }
      { workloadProfileType: 'NC24-A100', name: 'GPU', minimumCount: 0, maximumCount: maximumInstanceCount }
    ]
    peerAuthentication: { mtls: { enabled: false } }
  }
}
resource storage 'Microsoft.App/managedEnvironments/storages@2023-11-02-preview' = {
  parent: environment
  name: acaEnvironmentStorageName
  properties: {
    azureFile: {
      accountName: account.name
      accountKey: account.listKeys().keys[0].value
      shareName: share.name
      accessMode: 'ReadWrite'
    }
  }
}
resource app 'Microsoft.App/containerApps@2023-11-02-preview' = {
  name: acaAppName
  location: location
  properties: {
    environmentId: environment.id
    workloadProfileName: 'GPU'
    configuration: {
      secrets: null
      activeRevisionsMode: 'Single'
      ingress: {
        allowInsecure: false
        exposedPort: 0
        external: true
        targetPort: 7860
        traffic: [ { latestRevision: true, weight: 100 } ]
        transport: 'Auto'
      }
      registries: null
      dapr: null
      maxInactiveRevisions: 100
      service: null
    }
    template: {
      revisionSuffix: ''
      terminationGracePeriodSeconds: null
      containers: [
        {
          image: 'docker.io/pytorch/pytorch:2.4.0-cuda12.4-cudnn9-runtime'
          name: acaAppName
          command: [ '/bin/bash', '-c', defaultCommand ]
          resources: { cpu: 24, memory: '220Gi' }
          probes: [for kind in ['Liveness', 'Readiness', 'Startup']: {
            type: kind
            httpGet: { path: '/', port: 7860, scheme: 'HTTP' }
            initialDelaySeconds: 60
            periodSeconds: kind == 'Startup' ? 120 : 10
            failureThreshold: kind == 'Startup' ? 10 : 3
          }]
          volumeMounts: [ { volumeName: '${fileShareName}volume', mountPath: '/mount' } ]
        }
      ]
      initContainers: null
      scale: { minReplicas: 1, maxReplicas: 1, rules: null }
      volumes: [ { name: '${fileShareName}volume', storageType: 'AzureFile', storageName: storage.name } ]
      serviceBinds: null
    }
  }
  identity: { type: 'None' }
}
output SUBSCRIPTION_ID string = subscription().subscriptionId
output RESOURCE_GROUP_NAME string = resourceGroup().name
output STORAGE_ACCOUNT_NAME string = account.name
output FILE_SHARE_NAME string = share.name
output ACA_APP_NAME string = app.name
output ACA_APP_ENDPOINT string = app.properties.configuration.ingress.fqdn
"""
SCRIPT = """\
import json
import torch
import gradio as gr
import uvicorn
from fastapi import FastAPI, Request
from fastapi.responses import StreamingResponse
from peft import PeftModel
from transformers import AutoModelForCausalLM

model_name = "../model-cache/microsoft/Phi-3-mini-4k-instruct"
adapters_name = "../models/qlora/qlora/gpu_model/adapter"
model = PeftModel.from_pretrained(AutoModelForCausalLM.from_pretrained(model_name), adapters_name)
app = FastAPI()

@app.post("/v1/chat/completions")
async def chat(request: Request):
    user_messages = (await request.json())["messages"]
    words = model.generate(user_messages[-1]["content"])
    event = {"object": "chat.completion.chunk", "choices": [{"index": 0, "delta": {"content": words}}]}
    return StreamingResponse(iter([f"data: {json.dumps(event)}\\n\\n"]), media_type="text/event-stream")

with gr.Blocks() as demo:
    gr.Textbox(label="User input")
app = gr.mount_gradio_app(app, demo, path="/")
uvicorn.run(app, host="0.0.0.0", port=7860)
"""
STUBS = {
    "torch": "bfloat16 = 'bfloat16'\n",
    "transformers": "class AutoModelForCausalLM:\n    from_pretrained = staticmethod(lambda name: name)\n",
    "peft": "class PeftModel:\n    def __init__(self, *names): self.names = names\n"
    "    from_pretrained = classmethod(lambda cls, *names: cls(*names))\n"
    "    def generate(self, text): return ' + '.join((*(name.split('/')[-1] for name in self.names), text))\n",
}


def generated_project(root: Path) -> Path:
    """Write the project: inference, fine-tuning's configuration, and the template that is Bicep alone."""
    names = "\n".join(
        f"param {name} string = '{prefix}${{resourceSuffix}}'" for name, prefix in NAMES.items()
    )
    values = {"location": "westus3", "defaultCommands": COMMANDS, "maximumInstanceCount": 1}
    parameters = {name: {"value": value} for name, value in (values | dict.fromkeys(NAMES)).items()}
    empty = (
        "SUBSCRIPTION_ID",
        "RESOURCE_GROUP_NAME",
        "STORAGE_ACCOUNT_NAME",
        "FILE_SHARE_NAME",
        "ACA_JOB_NAME",
    )
    for path, text in {
        "infra/provision/inference.bicep": BICEP % {"names": names},
        "infra/provision/inference.parameters.json": json.dumps({"parameters": parameters}),
        "infra/finetuning.config.json": json.dumps({**dict.fromkeys(empty), "COMMANDS": ["cd /mount"]}),
        "inference/gradio_chat.py": SCRIPT,
        "inference/requirements.txt": "",
        "setup/requirements.txt": "".join(
            f"./setup/{name}-1-py3-none-any.whl\n" for name in (*STUBS, "page")
        ),
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text)
    for name, code in STUBS.items():
        _write_wheel(root / "setup", name, f"{name}.py", code)
    packages = next((starter.environment().parent.parent / "lib").glob("python*/site-packages"))
    _write_wheel(
        root / "setup", "page", "page.pth", f"{packages}\n"
    )  # Gradio and FastAPI, without an installation
    return root


def _write_wheel(folder: Path, name: str, file: str, text: str) -> None:
    about = f"{name}-1.dist-info"
    with zipfile.ZipFile(folder / f"{name}-1-py3-none-any.whl", "w") as wheel:
        wheel.writestr(file, text)
        wheel.writestr(f"{about}/METADATA", f"Metadata-Version: 2.1\nName: {name}\nVersion: 1\n")
        wheel.writestr(f"{about}/WHEEL", "Wheel-Version: 1.0\nRoot-Is-Purelib: true\nTag: py3-none-any\n")
        wheel.writestr(f"{about}/RECORD", f"{file},,\n")
