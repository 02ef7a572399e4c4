"""The front end for editors: a language server on stdio."""

from aitk_inference.lsp.server import serve

__all__ = ["serve"]
