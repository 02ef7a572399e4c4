"""Examples that the help of the verbs shows."""

from __future__ import annotations

LOGS = """\
examples:
  aitk-inference logs                                           the last 100 lines
  aitk-inference logs --follow --tail 20
  aitk-inference logs --system                                  why a replica does not start
  aitk-inference logs --both --since 2h --timestamps            what Log Analytics keeps, too
  aitk-inference logs --previous                                what the one that crashed wrote
"""
ASK = """\
examples:
  aitk-inference ask "Why is the sea salty?"
  aitk-inference ask - --json                                   the question on standard input, for a script
"""
PORTAL = """\
examples:
  aitk-inference portal --project my-model
"""
SECRETS = """\
examples:
  aitk-inference secrets set hf-token                           asks for the value, which is not shown
  printf %s "$TOKEN" | aitk-inference secrets set hf-token --restart
  aitk-inference secrets list                                   the names alone
  aitk-inference secrets remove hf-token

A value is never an argument: others read a command's words in the list of processes.
"""
PROTECT = """\
examples:
  aitk-inference protect --api-key                              makes a key and shows it once
  aitk-inference protect --allow-ip 203.0.113.0/24 198.51.100.7
  aitk-inference protect --open                                 removes both
"""
EXAMPLES = """\
examples:
  aitk-inference new my-model                                   a starter project
  aitk-inference provision --project my-model                   asks where to
  aitk-inference provision --subscription local --resource-group dev --project my-model
  aitk-inference deploy --project my-model
  aitk-inference demo                                           all of it, on this computer

exit codes: 0 done, 1 failed, 2 usage or missing input, 130 cancelled
"""
PROVISION = """\
examples:
  aitk-inference provision                                      asks for subscription and resource group
  aitk-inference provision --subscription local --resource-group dev --location eastus
  aitk-inference provision --subscription 00000000-… --resource-group models --plan
  aitk-inference provision --no-input --json --subscription 00000000-… --resource-group models
"""
DEPLOY = """\
examples:
  aitk-inference deploy                                         sync, restart, wait until it answers
  aitk-inference deploy --dry-run                               what would be sent and deleted
  aitk-inference deploy --yes --json                            in a pipeline
"""
SYNC = """\
examples:
  aitk-inference sync adapters 'https://ACCOUNT.file.core.windows.net/SHARE/adapters?SAS'
  aitk-inference sync . 'https://ACCOUNT.file.core.windows.net/SHARE?SAS' --dry-run

Without ?SAS the variable AZURE_STORAGE_CONNECTION_STRING lets it in; unlike the URL, a variable is not seen in the list of processes.
Only what an earlier sync sent is ever deleted.
"""
NEW = """\
examples:
  aitk-inference new my-model                                   a new folder; an empty one will do, too
"""
CHECK = """\
examples:
  aitk-inference check --project my-model                       before a GPU is paid for
  aitk-inference check --json                                   for a script: data.findings, or problems
"""
STATUS = """\
examples:
  aitk-inference status                                         of this folder's project
  aitk-inference status --project my-model --json               for a script: data.answers says if it does
  aitk-inference status --account                               who is signed in, and in which directories
"""
OPEN = """\
examples:
  aitk-inference open --project my-model
"""
DEMO = """\
examples:
  aitk-inference demo                                           leaves the app running: open its page
  aitk-inference demo --once --question "Why is the sky blue?"
"""
SERVE = """\
examples:
  aitk-inference serve                                          what an editor starts
"""
STOP = """\
examples:
  aitk-inference stop --project my-model                        nothing is billed until: aitk-inference start
"""
DELETE = """\
examples:
  aitk-inference delete --project my-model                      lists it first, then asks
  aitk-inference delete --all --yes --share my-share            the share with its adapters, too
"""
START = """\
examples:
  aitk-inference start --project my-model
"""
SCALE = """\
examples:
  aitk-inference scale --min 0 --max 2                          pay only for use; the first request then waits
  aitk-inference scale --min 1                                  one replica always runs, and is billed
"""
