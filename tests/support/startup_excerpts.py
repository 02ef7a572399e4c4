"""Logs of starts that failed, as people published them: an excerpt for each row of ``startup_patterns.py``.

Where a log was long, lines between those that are kept are left out or shortened; names and ids in them are mostly the
authors' own. Where a report gives a message alone, the reason that Container Apps puts before it (``ImagePullFailure:``)
stands before it here, too.
"""

from __future__ import annotations

from typing import NamedTuple


class Excerpt(NamedTuple):
    """A piece of a log.

    Attributes:
        name: The row that it shows.
        lines: What the log says.
        says: What our sentence has of it, where it takes something over.
    """

    name: str
    lines: tuple[str, ...]
    says: str = ""


SYSTEM = (
    # https://github.com/namespacelabs/foundation/issues/846
    Excerpt(
        "image-rate-limit",
        (
            'PullingImage: Pulling image "index.docker.io/jaegertracing/all-in-one@sha256:8d0bff43db3c"',
            'ImagePullFailure: Failed to pull image "index.docker.io/jaegertracing/all-in-one@sha256:8d0bff43db3c": rpc error: '
            "code = Unknown desc = failed to pull and unpack image: failed to copy: httpReadSeeker: failed open: unexpected "
            "status code https://registry-1.docker.io/v2/jaegertracing/all-in-one/manifests/sha256:8d0bff43db3c: 429 Too Many "
            "Requests - Server message: toomanyrequests: You have reached your pull rate limit.",
        ),
    ),
    # https://github.com/ceph/ceph-csi/issues/2029
    Excerpt(
        "image-rate-limit",
        (
            'Failed: Failed to pull image "docker.io/library/busybox:1.29": rpc error: code = Unknown desc = Error response from '
            "daemon: toomanyrequests: You have reached your pull rate limit.",
            "BackOff: Back-off pulling image",
            "Failed: Error: ImagePullBackOff",
        ),
    ),
    # https://github.com/NileshGule/AKS-learning-series/issues/6
    Excerpt(
        "image-missing",
        (
            'Failed to pull image "rahulsahay19/aksweb": rpc error: code = Unknown desc = Error response from daemon: manifest '
            "for rahulsahay19/aksweb:latest not found: manifest unknown: manifest unknown",
        ),
    ),
    # https://github.com/helm/helm/issues/12189
    Excerpt(
        "image-unauthorized",
        (
            'Failed to pull image "smartsitealfaacr.azurecr.io/aem6.5-authbaseimage:v2": rpc error: code = Unknown desc = Error '
            'response from daemon: Head "https://smartsitealfaacr.azurecr.io/v2/aem6.5-authbaseimage/manifests/v2": '
            "unauthorized: authentication required, visit https://aka.ms/acr/authorization for more information.",
        ),
    ),
    # https://github.com/microsoft/azure-container-apps/issues/1201
    Excerpt(
        "image-pull",
        (
            "ContainerTerminated: Container 'testservice' was terminated with exit code '' and reason 'ImagePullFailure'",
        ),
    ),
    # https://github.com/microsoft/azure-container-apps/issues/873
    Excerpt(
        "mount-denied",
        (
            'MountVolume.SetUp failed for volume "<volumename>" : rpc error: code = Internal desc = volume() mount '
            "//<storageaccount>.file.core.windows.net/<storagefolder> failed with mount failed: exit status 32 "
            "Output: mount error(13): Permission denied Refer to the mount.cifs(8) manual page",
        ),
    ),
    # https://github.com/MicrosoftDocs/azure-docs/issues/72236
    Excerpt(
        "mount-missing",
        (
            'FailedMount: MountVolume.SetUp failed for volume "****" : mount failed: exit status 32 Output: '
            "mount error(2): No such file or directory Refer to the mount.cifs(8) manual page (e.g. man mount.cifs)",
        ),
    ),
    # https://github.com/MicrosoftDocs/azure-docs/issues/50114
    Excerpt(
        "mount-unreachable",
        (
            "Output: Running scope as unit run-r35ac63165aa3444595d42f0669c97448.scope. mount error(115): Operation now in "
            "progress Refer to the mount.cifs(8) manual page (e.g. man mount.cifs)",
        ),
    ),
    # https://github.com/microsoft/azure-container-apps/issues/1782
    Excerpt("mount-nfs-denied", ("VolumeMountFailure: mount.nfs: access denied by server",)),
    # https://github.com/Azure/AKS/issues/404
    Excerpt(
        "mount",
        (
            'FailedMount: MountVolume.SetUp failed for volume "hsz0aks1712devx0skn--azfile-pv" : exit status 32',
        ),
    ),
    # a description of the refusal, not a log: https://learn.microsoft.com/azure/container-apps/gpu-serverless-overview says what to do
    Excerpt(
        "quota",
        (
            "MaxRegionalQuotaExceeded: Regional max quota limit threshold hit. The subscription 1 cannot have more than 1 "
            "SubscriptionNCA100Gpus in region West US 3.",
        ),
    ),
    # https://github.com/microsoft/azure-container-apps/issues/1168 (the reason), trueforge-org/truecharts/issues/18712 (the words)
    Excerpt(
        "no-capacity",
        (
            "AssigningReplica: Replica 'x' has been scheduled to run on a node.",
            "AssigningReplicaFailed: 0/1 nodes are available: 1 Insufficient gpu.intel.com/i915. preemption: 0/1 nodes are available",
        ),
    ),
    # https://github.com/microsoft/azure-container-apps/issues/1579: a replica without a node says nothing more
    Excerpt(
        "no-capacity",
        ("AssigningReplica: Replica 'app--r42bar6-59b587c955-xph42' has been scheduled to run on a node.",),
    ),
    # https://github.com/Azure/azure-service-operator/issues/298 (the reason), recorded wording of Container Apps
    Excerpt(
        "out-of-memory",
        (
            "ContainerStarted: Started container 'app'",
            "ContainerTerminated: Container 'app' was terminated with exit code '137' and reason 'OOMKilled'",
            "ContainerStarted: Started container 'app'",
        ),
    ),
    # https://github.com/microsoft/azure-container-apps/issues/1260
    Excerpt("wrong-port", ("The TargetPort 3000 does not match the listening port 80.",), "port 80, "),
    # https://github.com/microsoft/azure-container-apps/issues/1359
    Excerpt(
        "wrong-port",
        ("The TargetPort 80 does not match any of the listening ports: [9001 9000].",),
        "the app's port is 80",
    ),
    # https://github.com/microsoft/azure-container-apps/issues/1561
    Excerpt(
        "probe-window",
        (
            "ReplicaUnhealthy: startup probe failed: connection refused",
            "StoppingContainer: Container THIS-VERY-IMPORTANT-ONE failed startup probe, will be restarted",
            "PullingImage: Pulling image",
        ),
    ),
    # https://github.com/microsoft/azure-container-apps/issues/1219
    Excerpt("probe-window", ("Deployment Progress Deadline Exceeded. 0/1 replicas ready.",)),
)

CONSOLE = (
    # https://github.com/Significant-Gravitas/AutoGPT/issues/295
    Excerpt(
        "pip-hash",
        (
            "Collecting google-api-python-client",
            "ERROR: THESE PACKAGES DO NOT MATCH THE HASHES FROM THE REQUIREMENTS FILE. If you have updated the package versions, please update the hashes.",
            "    google-api-python-client from https://www.piwheels.org/simple/google_api_python_client-2.84.0-py2.py3-none-any.whl (from -r requirements.txt (line 13)):",
            "        Expected sha256 2e0efc004448a036b932d6353ff092bfd92da8aeceaf24ee060bbabc4bd714b5",
            "             Got        43b03880120c3d5f815",
        ),
    ),
    # https://github.com/yashab-cyber/HackGpt/issues/9
    Excerpt(
        "pip-disk-full",
        (
            "Downloading nvidia_cusparse_cu12-12.5.8.93-py3-none-manylinux2014_x86_64.manylinux_2_17_x86_64.whl (288.2 MB)",
            "ERROR: Could not install packages due to an OSError: [Errno 28] No space left on device",
        ),
    ),
    # https://github.com/JIA-Lab-research/Seg-Zero/issues/12
    Excerpt(
        "pip-no-wheel",
        (
            'ERROR: Could not find a version that satisfies the requirement xgrammar==0.1.11; platform_machine == "x86_64" (from vllm) (from versions: 0.1.14, 0.1.15)',
            'ERROR: No matching distribution found for xgrammar==0.1.11; platform_machine == "x86_64"',
        ),
        "xgrammar==0.1.11 for this Python",
    ),
    # https://github.com/vllm-project/vllm/issues/42358
    Excerpt(
        "pip-no-wheel",
        (
            "ERROR: Ignored the following yanked versions: 0.2.1",
            "ERROR: No matching distribution found for vllm==0.20.2+rocm721",
        ),
        "vllm==0.20.2+rocm721",
    ),
    # https://github.com/OpenRLHF/OpenRLHF/issues/967
    Excerpt(
        "pip-conflict",
        (
            "ERROR: Cannot install None, openrlhf[vllm]==0.7.0 and vllm==0.8.3 because these package versions have conflicting dependencies.",
            "The conflict is caused by:",
            "    openrlhf 0.7.0 depends on transformers==4.50.0",
            "    vllm 0.8.3 depends on transformers>=4.51.0",
            "ERROR: ResolutionImpossible: for help visit https://pip.pypa.io/en/latest/topics/dependency-resolution/",
        ),
    ),
    # pip 23.2.1, seen with a package whose build fails; the name is another's
    Excerpt(
        "pip-build",
        (
            "  error: subprocess-exited-with-error",
            "  × Building wheel for flash-attn (pyproject.toml) did not run successfully.",
            "  ERROR: Failed building wheel for flash-attn",
        ),
    ),
    # pip 23.2.1, seen with an index at an address where nobody listens; the first line is shortened
    Excerpt(
        "pip-network",
        (
            "WARNING: Retrying (Retry(total=0)) after connection broken by 'NewConnectionError(...: [Errno 111] Connection refused')': /simple/gradio/",
            "ERROR: Could not find a version that satisfies the requirement gradio (from versions: none)",
        ),
    ),
    # https://github.com/ToTheBeginning/PuLID/issues/97
    Excerpt(
        "gated-model",
        (
            "    raise _format(GatedRepoError, message, response) from e",
            "huggingface_hub.errors.GatedRepoError: 401 Client Error. (Request ID: Root=1-66f4b037)",
            "Cannot access gated repo for url https://huggingface.co/black-forest-labs/FLUX.1-dev/resolve/main/ae.safetensors.",
            "Access to model black-forest-labs/FLUX.1-dev is restricted. You must have access to it and be authenticated to access it. Please log in.",
        ),
    ),
    # https://github.com/zylon-ai/private-gpt/issues/1985
    Excerpt(
        "gated-model",
        (
            "OSError: You are trying to access a gated repo.",
            "Make sure to have access to it at https://huggingface.co/mistralai/Mistral-7B-Instruct-v0.2.",
        ),
    ),
    # https://github.com/huggingface/transformers/issues/31367
    Excerpt(
        "model-not-found",
        (
            "OSError: models/tiny is not a local folder and is not a valid model identifier listed on 'https://huggingface.co/models'",
            "If this is a private repository, make sure to pass a token having permission to this repo",
        ),
    ),
    # https://github.com/vllm-project/vllm/issues/2140
    Excerpt(
        "gpu-out-of-memory",
        (
            "torch.cuda.OutOfMemoryError: CUDA out of memory. Tried to allocate 3.50 GiB. GPU 0 has a total capacty of 23.69 GiB of which 3.09 GiB is free.",
        ),
    ),
    # https://github.com/vllm-project/vllm/issues/10439
    Excerpt(
        "gpu-out-of-memory",
        (
            'vllm-1  | ERROR 11-18 18:07:28 engine.py:366]     raise ValueError("No available memory for the cache blocks. "',
            "vllm-1  | ERROR 11-18 18:07:28 engine.py:366] ValueError: No available memory for the cache blocks. Try increasing `gpu_memory_utilization`.",
        ),
    ),
    # https://github.com/pytorch/pytorch/issues/175666
    Excerpt(
        "gpu-out-of-memory",
        (
            "ValueError: Free memory on device cuda:0 (19.77/22.05 GiB) on startup is less than desired GPU memory utilization (0.9, 19.84 GiB).",
        ),
    ),
    # https://github.com/huggingface/transformers/issues/23016
    Excerpt(
        "host-out-of-memory",
        (
            "RuntimeError: [enforce fail at alloc_cpu.cpp:75] err == 0. DefaultCPUAllocator: can't allocate memory: you",
            "tried to allocate 268435456 bytes. Error code 12 (Cannot allocate memory)",
        ),
    ),
    # https://github.com/microsoft/azure-container-apps/issues/981
    Excerpt(
        "host-out-of-memory",
        (
            "./start.sh: line 9:     8 Killed                  flask --app /apps/data_svc/web/app.py run --host=0.0.0.0",
        ),
    ),
    # https://github.com/lllyasviel/Fooocus/issues/1313
    Excerpt(
        "cuda-driver",
        (
            "RuntimeError: The NVIDIA driver on your system is too old (found version 11040). Please update your GPU driver",
        ),
    ),
    # https://github.com/vllm-project/vllm/issues/4940
    Excerpt(
        "cuda-driver",
        (
            "RuntimeError: Unexpected error from cudaGetDeviceCount(). Error 804: forward compatibility was attempted on non supported HW",
        ),
    ),
    # https://github.com/kcosta42/VQGAN-CLIP-Docker/issues/1
    Excerpt(
        "no-gpu",
        (
            '  File "/opt/conda/lib/python3.7/site-packages/torch/cuda/__init__.py", line 172, in _lazy_init',
            "    torch._C._cuda_init()",
            "RuntimeError: Found no NVIDIA driver on your system. Please check that you have an NVIDIA GPU and installed a driver",
        ),
    ),
    # https://github.com/vllm-project/vllm/issues/1157
    Excerpt(
        "cuda-architecture",
        (
            "ValueError: Bfloat16 is only supported on GPUs with compute capability of at least 8.0. Your Tesla T4 GPU has compute capability 7.5.",
        ),
    ),
    # https://github.com/hiyouga/LlamaFactory/issues/6764
    Excerpt("adapter-missing", ("ValueError: Can't find 'adapter_config.json' at '../models/llama3_1B'",)),
    # vLLM 0.32.0 on a CPU, with a folder that is not there
    Excerpt("adapter-missing", ("ValueError: No adapter found for /mount/models/adapter",)),
    # Python 3.11, seen with these files; their paths are a container's
    Excerpt(
        "syntax-error",
        (
            '  File "/mount/inference/gradio_chat.py", line 3',
            "    def answer(:",
            "               ^",
            "SyntaxError: invalid syntax",
        ),
        "a syntax error: invalid syntax",
    ),
    Excerpt(
        "syntax-error",
        (
            '  File "/mount/inference/gradio_chat.py", line 2',
            "    return 1",
            "IndentationError: unexpected indent",
        ),
        "unexpected indent",
    ),
    # https://github.com/vllm-project/vllm/issues/4169
    Excerpt(
        "missing-module",
        ("ModuleNotFoundError: No module named 'transformers_modules'",),
        "module transformers_modules is not",
    ),
    # Python 3.11, seen with another module; its path is a container's
    Excerpt("missing-module", ("/usr/local/bin/python3: No module named uvicorn",), "module uvicorn is not"),
    # https://github.com/vllm-project/vllm/pull/40331
    Excerpt(
        "import-name",
        (
            "    from transformers import GenerationConfig, PretrainedConfig",
            "ImportError: cannot import name 'GenerationConfig' from 'transformers' (/mnt/data4/jxy/venv/lib/python3.12/site-packages/transformers/__init__.py)",
        ),
        "transformers has no GenerationConfig",
    ),
    # Python 3.11, bash 5.2 and pip 23.2.1, seen with such commands; the paths are a container's
    Excerpt(
        "missing-file",
        ("python3: can't open file '/mount/inference/serve.py': [Errno 2] No such file or directory",),
        "not there: /mount/inference/serve.py",
    ),
    Excerpt(
        "missing-file",
        ("/bin/bash: line 1: cd: /mount/inferense: No such file or directory",),
        "/mount/inferense",
    ),
    Excerpt(
        "missing-file",
        ("ERROR: Could not open requirements file: [Errno 2] No such file or directory: 'requirements.txt'",),
        "requirements.txt",
    ),
    Excerpt("missing-command", ("/bin/bash: line 1: pyhton: command not found",), "no command pyhton"),
    Excerpt(
        "shell-syntax",
        ("/bin/bash: -c: line 1: syntax error near unexpected token `&&'",),
    ),
    Excerpt("port-taken", ("OSError: [Errno 98] Address already in use",)),
)
