#!/usr/bin/env bash
# apply.sh FOLDER PLAN [options of `wavelift apply`]: carry out exactly the plan that was reviewed, or nothing.
# WAVELIFT_DIGEST is the sha256 that the reviewer saw, with the end of validity (DIGEST@END: a restamped file is refused); WAVELIFT_APPROVER and WAVELIFT_PULL_REQUEST are recorded with it.
# It does not wait for replication: the engine goes on by itself, `wavelift status` shows it.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/codes.sh"
folder=$1 plan=$2
shift 2
if [ -z "${WAVELIFT_DIGEST:-}" ]; then
  echo "WAVELIFT_DIGEST is empty: without the digest that was reviewed nothing is applied" >&2
  exit 1
fi
wavelift apply "$plan" -C "$folder" --expect-sha "$WAVELIFT_DIGEST" --auto-approve --detach "$@" 2>&1 | inert
code=${PIPESTATUS[0]}
[ "$code" -eq 0 ] || echo "wavelift: exit code $code: $(meaning "$code")" >&2
exit "$code"
