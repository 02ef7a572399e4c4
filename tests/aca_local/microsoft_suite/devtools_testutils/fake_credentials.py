"""A key for settings that a live run replaces."""

STORAGE_ACCOUNT_FAKE_KEY = "bm90IGEga2V5"
