"""AI Toolkit Remote Inference: provision, deploy and operate inference on Azure Container Apps."""
