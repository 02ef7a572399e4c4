"""What keeps an app from starting, by the words that say so: one row a cause, the most telling first.

The words are Azure's system log (Kubernetes' and containerd's below it), pip's, Python's, PyTorch's, vLLM's and
Hugging Face's own; ``tests/support/startup_excerpts.py`` has a published log of each. A new cause is one row here and
one excerpt there. ``{name}`` in a sentence is a group of the pattern.
"""

from __future__ import annotations

from typing import Final, Literal, NamedTuple, TypeAlias

Source: TypeAlias = Literal["system", "console"]

_APPS = "https://learn.microsoft.com/azure/container-apps"
_PULL = f"{_APPS}/troubleshoot-image-pull-failures"
_MOUNT = f"{_APPS}/troubleshoot-storage-mount-failures"
_START = f"{_APPS}/troubleshoot-container-start-failures"
_PROBES = f"{_APPS}/health-probes"
_GPU = f"{_APPS}/gpu-serverless-overview"
_PIP = "https://pip.pypa.io/en/stable/topics"
_PARAMETERS = "infra/provision/inference.parameters.json"


class Pattern(NamedTuple):
    """One cause.

    Attributes:
        name: Its stable name, for programs.
        source: The log that it is found in.
        pattern: What a line of that log says.
        cause: One sentence, without its beginning ("The app does not start:") and its full stop.
        remedy: What to do.
        link: A page that helps.
        is_final: Another attempt of the platform would end alike, so that nothing is waited for.
        until_started: A container that starts afterwards shows that it has passed.
        after: How many lines of the log below it matter, too; of the five that are shown the others are above it.
    """

    name: str
    source: Source
    pattern: str
    cause: str
    remedy: str
    link: str
    is_final: bool = False
    until_started: bool = False
    after: int = 0


PATTERNS: Final = (
    # --- the image, before anything of ours runs
    Pattern(
        "image-rate-limit",
        "system",
        r"(?i)toomanyrequests|429 Too Many Requests|pull rate limit",
        "the registry's pull rate limit keeps the image back",
        f"Wait some minutes, or set image in {_PARAMETERS} to a copy in a registry of yours.",
        _PULL,
        until_started=True,
    ),
    Pattern(
        "image-missing",
        "system",
        r"(?i)manifest unknown|manifest for \S+ not found|MANIFEST_UNKNOWN|image \S+ not found"
        r"|repository does not exist|name unknown",
        "the registry has no image of that name and tag",
        f"Correct image in {_PARAMETERS}, run Provision, then deploy again.",
        _PULL,
        is_final=True,
        until_started=True,
    ),
    Pattern(
        "image-unauthorized",
        "system",
        r"(?i)pull.*(unauthorized|authentication required|denied|403 Forbidden|401 Unauthorized)",
        "the registry does not let the app pull the image",
        f"Set registryServer and registryIdentity in {_PARAMETERS}, give that identity the role AcrPull, then run Provision.",
        _PULL,
        is_final=True,
        until_started=True,
    ),
    Pattern(
        "image-pull",
        "system",
        r"ImagePullFailure|ImagePullBackOff|ErrImagePull|(?i:failed to pull (and unpack )?image)",
        "its image can't be pulled",
        f"Correct image in {_PARAMETERS} and check that its registry can be reached, run Provision, then deploy again.",
        _PULL,
        until_started=True,
    ),
    # --- the share
    Pattern(
        "mount-denied",
        "system",
        r"mount error\(13\)",
        "the share can't be mounted: the storage account denies it",
        "Run `aitk-inference provision --again`: it gives the environment the share's key anew. Else the account forbids keys, or its network rules keep the environment out.",
        _MOUNT,
        is_final=True,
        until_started=True,
    ),
    Pattern(
        "mount-missing",
        "system",
        r"mount error\(2\)",
        "the share can't be mounted: it is not there, or the account's network rules hide it",
        f"Check fileShareName in {_PARAMETERS} and the account's network rules, then run Provision.",
        _MOUNT,
        is_final=True,
        until_started=True,
    ),
    Pattern(
        "mount-unreachable",
        "system",
        r"mount error\((112|113|115|110|111|101)\)|could not resolve address",
        "the share can't be mounted: the storage account can't be reached",
        "Open port 445 and the account's name in DNS for the environment's network, then deploy again.",
        _MOUNT,
        is_final=True,
        until_started=True,
    ),
    Pattern(
        "mount-nfs-denied",
        "system",
        r"mount\.nfs: access denied",
        "the NFS share refuses the environment",
        "Let the environment's subnet in at the storage account, then deploy again.",
        _MOUNT,
        is_final=True,
        until_started=True,
    ),
    Pattern(
        "mount",
        "system",
        r"VolumeMountFailure|MountVolume\.SetUp failed|Error mounting volume",
        "the share can't be mounted",
        "Run `aitk-inference provision --again`, then deploy again.",
        _MOUNT,
        is_final=True,
        until_started=True,
    ),
    # --- what it runs on
    Pattern(
        "quota",
        "system",
        r"(?i)MaxRegionalQuotaExceeded|cannot have more than \d+ \S*Gpus|quota (limit|exceeded)",
        "the quota of that hardware is used up",
        f"Ask for more quota, stop another app, or choose another workloadProfileType in {_PARAMETERS}.",
        _GPU,
        until_started=True,
    ),
    Pattern(
        "no-capacity",
        "system",
        r"AssigningReplicaFailed|(?i:waits for a node)|\d+/\d+ nodes are available: .*Insufficient|ManagedEnvironmentCapacity",
        "no node had room for the replica: the region has none free of that hardware, or another replica holds it",
        f"Deploy again later, stop what uses the hardware, or choose another workloadProfileType in {_PARAMETERS}.",
        _GPU,
        until_started=True,
    ),
    Pattern(
        "out-of-memory",
        "system",
        r"OOMKilled|(?i:reason 'OutOfMemory')",
        "it ran out of memory and was killed",
        f"Give it more memory in {_PARAMETERS} and run Provision, or serve a smaller or quantised base.",
        _START,
    ),
    # --- the packages: what comes after them only follows
    Pattern(
        "pip-hash",
        "console",
        r"DO NOT MATCH THE HASHES|Hashes are required in --require-hashes mode",
        "pip refused a package whose hash is not the one of requirements.txt",
        "Lock the packages anew (the file may have been replaced, or a proxy changed it), then deploy again.",
        f"{_PIP}/secure-installs/",
        after=4,
    ),
    Pattern(
        "pip-disk-full",
        "console",
        r"No space left on device|\[Errno 28\]",
        "its disk is full",
        "Take out packages that are not used (PyTorch with CUDA alone needs 5 GB), or an image that has them.",
        f"{_APPS}/storage-mounts",
    ),
    Pattern(
        "pip-no-wheel",
        "console",
        r"No matching distribution found for (?P<package>[^\s;]+)",
        "pip finds no package {package} for this Python and system",
        "Correct its name and version in requirements.txt, then deploy again.",
        f"{_PIP}/dependency-resolution/",
    ),
    Pattern(
        "pip-conflict",
        "console",
        r"ResolutionImpossible|Cannot install .+ because these package versions have conflicting dependencies",
        "packages in requirements.txt need versions of one another that exclude each other",
        "Loosen one of their versions, then deploy again.",
        f"{_PIP}/dependency-resolution/",
    ),
    Pattern(
        "pip-build",
        "console",
        r"Failed building wheel for (?P<package>\S+)|error: subprocess-exited-with-error",
        "a package has no wheel for this system and can't be built here",
        "Take a version that has a wheel, or an image with a compiler.",
        f"{_PIP}/dependency-resolution/",
    ),
    Pattern(
        "pip-network",
        "console",
        r"(?i)NewConnectionError|Could not fetch URL|Read timed out.*(pypi|simple)|Name or service not known.*(pypi|simple)",
        "the package index can't be reached from the container",
        "Open the way to the index for the environment's network, or set PIP_INDEX_URL to one that it reaches.",
        f"{_APPS}/networking",
    ),
    # --- the model
    Pattern(
        "gated-model",
        "console",
        r"GatedRepoError|[Cc]annot access gated repo|trying to access a gated repo|Access to model (?P<model>\S+) is restricted|is gated\b",
        "its base model is gated, and Hugging Face does not let the app have it",
        "Accept the model's terms on its page, then give the app a token: aitk-inference secrets set HF_TOKEN",
        "https://huggingface.co/docs/hub/models-gated",
        after=2,
    ),
    Pattern(
        "model-not-found",
        "console",
        r"RepositoryNotFoundError|is not a local folder and is not a valid model identifier|LocalEntryNotFoundError",
        "Hugging Face has no model of that name, or the app may not see it",
        "Correct base in inference/config.json; a private model also needs: aitk-inference secrets set HF_TOKEN",
        "https://huggingface.co/docs/hub/models-the-hub",
    ),
    Pattern(
        "gpu-out-of-memory",
        "console",
        r"CUDA out of memory|torch\.(cuda\.)?OutOfMemoryError|CUDA error: out of memory|CUBLAS_STATUS_ALLOC_FAILED"
        r"|No available memory for the cache blocks|is less than desired GPU memory utilization",
        "the GPU's memory is too small for the model",
        'Take a larger GPU, a quantised base, or a smaller "contextTokens" in inference/config.json.',
        "https://docs.vllm.ai/en/stable/configuration/conserving_memory.html",
    ),
    Pattern(
        "host-out-of-memory",
        "console",
        r"(?:^|\s)MemoryError\b|Cannot allocate memory|DefaultCPUAllocator: can't allocate memory|std::bad_alloc"
        r"|line \d+:\s+\d+ Killed\b",
        "it ran out of memory",
        f"Give it more memory in {_PARAMETERS} and run Provision, or serve a smaller or quantised base.",
        _START,
    ),
    Pattern(
        "cuda-driver",
        "console",
        r"NVIDIA driver on your system is too old|CUDA driver version is insufficient|forward compatibility was attempted"
        r"|unsupported toolchain|Error 80[34]\b",
        "its CUDA is newer than the driver of the GPU's node",
        f"Take an image with an older CUDA (of vLLM: the tags that end in -cu129): image in {_PARAMETERS}.",
        "https://docs.nvidia.com/deploy/cuda-compatibility/",
    ),
    Pattern(
        "no-gpu",
        "console",
        r"Found no NVIDIA driver|No CUDA GPUs are available|Torch not compiled with CUDA enabled|libcuda\.so\.1: cannot open shared object"
        r"|Failed to infer device type",
        "it wants a GPU and sees none",
        f"Choose a workloadProfileType with a GPU in {_PARAMETERS} and a build of PyTorch with CUDA.",
        _GPU,
    ),
    Pattern(
        "cuda-architecture",
        "console",
        r"no kernel image is available for execution|Bfloat16 is only supported on GPUs",
        "what it computes with was not made for this GPU",
        'Set "dtype": "half" in inference/config.json on a T4, or take a build that supports the GPU.',
        "https://docs.vllm.ai/en/stable/getting_started/installation/gpu.html",
    ),
    Pattern(
        "adapter-missing",
        "console",
        r"No adapter found for (?P<path>\S+)|adapter_config\.json.{0,80}(not found|No such file|does not exist)|Can't find 'adapter_config\.json' at '(?P<at>[^']*)'",
        "the adapter is not where inference/config.json says",
        "Correct adapter in inference/config.json, or bring the adapter to the share, then deploy again.",
        "https://huggingface.co/docs/peft/developer_guides/checkpoint",
    ),
    # --- the user's own code
    Pattern(
        "syntax-error",
        "console",
        r"(?:^|[\s\]])(SyntaxError|IndentationError|TabError): (?P<words>.*\S)",
        "a Python file has a syntax error: {words}",
        "Mend that line, then deploy again.",
        "https://docs.python.org/3/tutorial/errors.html#syntax-errors",
    ),
    Pattern(
        "missing-module",
        "console",
        r"(?:ModuleNotFoundError|python[\d.]*|ImportError): No module named '?(?P<module>[\w.]+)'?",
        "the Python module {module} is not installed",
        "Add its package to requirements.txt (or correct the import), then deploy again.",
        "https://docs.python.org/3/tutorial/modules.html",
    ),
    Pattern(
        "import-name",
        "console",
        r"ImportError: cannot import name '(?P<thing>[^']+)' from '?(?P<module>[\w.]+)'?",
        "the module {module} has no {thing}: another version of it is installed than the code was written for",
        "Set its version in requirements.txt, then deploy again.",
        "https://docs.python.org/3/tutorial/modules.html",
    ),
    Pattern(
        "missing-file",
        "console",
        r"can't open file '(?P<script>[^']+)'|No such file or directory: '(?P<path>[^']+)'"
        r"|(?:cd|line \d+): (?P<folder>[^\s:]+): No such file or directory",
        "a file or folder is not there: {script}{path}{folder}",
        f"Correct the path (defaultCommands in {_PARAMETERS} name what is started), or add the file, then deploy again.",
        _START,
    ),
    Pattern(
        "missing-command",
        "console",
        r"(?:line \d+|bash|sh): (?P<command>[^\s:]+): (?:command )?not found",
        "there is no command {command} in the image",
        f"Correct defaultCommands in {_PARAMETERS} (Python is called python3), run Provision, then deploy again.",
        _START,
    ),
    Pattern(
        "shell-syntax",
        "console",
        r"(?:bash|sh): .*(?:syntax error|unexpected EOF|unexpected end of file)",
        "the shell can't read the start command",
        f"Correct defaultCommands in {_PARAMETERS}, run Provision, then deploy again.",
        _START,
    ),
    Pattern(
        "port-taken",
        "console",
        r"(?i)address already in use|port \d+ is (already )?in use",
        "its port is taken by another program of the container",
        "Start one program on PORT alone, then deploy again.",
        f"{_APPS}/ingress-overview",
    ),
    # --- it runs, and does not answer
    Pattern(
        "wrong-port",
        "system",
        r"TargetPort (?P<wanted>\d+) does not match (?:the listening port|any of the listening ports:) \[?(?P<got>[\d, ]+)",
        "it listens on port {got}, and the app's port is {wanted}",
        f"Listen on the port that the variable PORT names, or set targetPort in {_PARAMETERS} and run Provision.",
        _PROBES,
    ),
    Pattern(
        "probe-window",
        "system",
        r"reason 'ProbeFailure'|failed (?:startup|liveness) probe|Deployment Progress Deadline Exceeded",
        "nothing answered its probes in the time that they give",
        f"Let it answer probePath early (a model may load behind it), or set probePath in {_PARAMETERS} to what it answers and run Provision.",
        _PROBES,
    ),
)

WAITS_FOR_NODE: Final = r"^AssigningReplica\b"
"""The last event of a replica that no node took: nothing comes after it, and nothing says that it failed."""
