"""aca-local: Azure Resource Manager, Azure Files and Container Apps on this computer."""
