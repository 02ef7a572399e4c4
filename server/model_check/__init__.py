"""Checks a base model and its LoRA adapter before an engine is started, from headers and configuration alone.

Standard library only, Python 3.10 or newer: a project carries a copy into its container. What vLLM takes is
from its documentation and source (`vllm/lora/`), tried with 0.32 on a CPU; what adapters look like from PEFT.
"""

from model_check.catalogue import CATALOGUE
from model_check.check import Report, check_model
from model_check.engine import PROFILES, EngineOptions, Hardware, Wish, choose_engine, cpu
from model_check.find_base import FoundBase, find_base
from model_check.findings import Finding, Rule
from model_check.fit import Fit

__all__ = [
    "CATALOGUE",
    "PROFILES",
    "EngineOptions",
    "Finding",
    "Fit",
    "FoundBase",
    "Hardware",
    "Report",
    "Rule",
    "Wish",
    "check_model",
    "choose_engine",
    "cpu",
    "find_base",
]
