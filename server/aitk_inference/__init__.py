"""AI Toolkit Remote Inference: provision, deploy and operate inference on Azure Container Apps."""

__version__ = "0.1.0"
