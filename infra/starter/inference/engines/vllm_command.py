"""The command line that starts vLLM."""

from __future__ import annotations

import json
from dataclasses import dataclass
from typing import TYPE_CHECKING

if TYPE_CHECKING:
    from collections.abc import Mapping
    from pathlib import Path

    from settings import Settings

RANKS = (1, 8, 16, 32, 64, 128, 256, 320, 512)
"""What ``--max-lora-rank`` takes (vLLM 0.32)."""


@dataclass(frozen=True)
class VllmCommand:
    """How vLLM is started for a model; ``options`` are those that the check of the model gives; with
    ``prefetch`` the weights are read ahead into memory, which vLLM does by itself on NFS alone.

    CUDA graphs stay on, which makes vLLM 3 to 12 times as fast: ``--enforce-eager`` comes from
    ``vllmArguments`` alone.
    """

    settings: Settings
    options: Mapping[str, object]
    prefetch: bool = False

    def words(self, socket: Path) -> list[str]:
        """Return the command; it listens on the socket and nowhere else."""
        chosen = self.settings
        return [
            *chosen.vllm_command,
            str(chosen.base),
            *("--served-model-name", chosen.base_name),
            *("--uds", str(socket)),
            *("--disable-uvicorn-access-log", "--disable-fastapi-docs"),
            *self._model_options(),
            *(("--safetensors-load-strategy", "prefetch") if self.prefetch else ()),
            *([] if chosen.base_only else self._adapter_options()),
            *(
                ("--enable-auto-tool-choice", "--tool-call-parser", chosen.tool_parser)
                if chosen.tool_parser
                else ()
            ),
            *chosen.vllm_arguments,
        ]

    def _model_options(self) -> list[str]:
        chosen, options = self.settings, self.options
        dtype = options.get("dtype") if chosen.dtype == "auto" else chosen.dtype
        values = {
            "--dtype": dtype,
            "--max-model-len": chosen.context_tokens or options.get("max_model_len"),
            "--tokenizer": options.get("tokenizer"),
            "--chat-template": options.get("chat_template"),
            "--tensor-parallel-size": options.get("tensor_parallel_size"),
        }
        return [word for name, value in values.items() if value for word in (name, str(value))]

    def _adapter_options(self) -> list[str]:
        chosen = self.settings
        module = {"name": chosen.name, "path": str(chosen.adapter), "base_model_name": chosen.base_name}
        rank = self.options.get("max_lora_rank") or RANKS[2]
        return [
            "--enable-lora",
            *("--max-loras", "1"),
            *("--max-lora-rank", str(rank)),
            *("--lora-modules", json.dumps(module)),
        ]
