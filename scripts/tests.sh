#!/usr/bin/env bash
# Run pytest with these arguments. Up to three tests that failed run once more, alone: on a busy computer a test can wait for
# too long. What passes then is told as flaky, and stays to be mended; what fails twice has failed.
set -uo pipefail
cd "$(dirname "$0")/.."
AT_MOST=3
PYTEST=.venv/bin/pytest

$PYTEST --cache-clear "$@"
ended=$?
[ $ended = 1 ] || exit $ended # 1: tests failed; all else is no test's fault

mapfile -t failed < <(.venv/bin/python -c 'import json; print(*json.load(open(".pytest_cache/v/cache/lastfailed")), sep="\n")')
[ "${#failed[@]}" -le $AT_MOST ] || exit 1
printf '→ once more, alone: %s\n' "${failed[@]}"
$PYTEST -n 0 "${failed[@]}" || exit
printf 'FLAKY (failed beside the others, passed alone): %s\n' "${failed[@]}"
