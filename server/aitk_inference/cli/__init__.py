"""The terminal: arguments in, flows run, lines or JSON out."""

from aitk_inference.cli.main import run

__all__ = ["run"]
