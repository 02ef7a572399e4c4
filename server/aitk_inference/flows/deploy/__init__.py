"""Deploy: the files sent, the restart, and why a start fails."""
