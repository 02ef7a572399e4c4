"""Provision, its preflight, plan and prices; and Delete, which takes back what it made."""
