#!/usr/bin/env bash
# plan.sh FOLDER OUT [options of `wavelift plan`]: check an estate, plan it, and leave in OUT what a pull request needs:
#   plan.wlplan  the plan file, for apply.sh       plan.md   the comment (also when there is no plan: why)
#   plan.txt     all of it as text                 plan.json for policies
#   result       code=, changes=true|false, digest= (with the end of validity: DIGEST@END, for --expect-sha)
# Exit code: 0 with a plan, whether or not it has changes; else that of wavelift (codes.sh says what it means).
# WAVELIFT_ANNOTATIONS=github: problems in the files are shown beside their lines.
set -uo pipefail
here=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
. "$here/codes.sh"
folder=$1 out=$2
shift 2
mkdir -p "$out"
rm -f "$out"/plan.* "$out/result"

failed() { # failed CODE FILE: the comment must not go on showing an older plan
  {
    echo "### wavelift plan · there is none"
    echo
    echo "**Exit code $1: $(meaning "$1").**"
    echo
    echo '```text'
    head -c 30000 "$2" | sed "s/\`\`\`/'''/g"
    echo '```'
  } >"$out/plan.md"
  cp "$2" "$out/plan.txt"
  printf 'code=%s\nchanges=false\ndigest=\n' "$1" >"$out/result"
  echo "wavelift: exit code $1: $(meaning "$1")" >&2
  exit "$1"
}

log=$(mktemp)
trap 'rm -f "$log"' EXIT
wavelift validate -C "$folder" >"$log" 2>&1
code=$?
inert <"$log"
if [ "$code" -ne 0 ]; then
  [ -z "${WAVELIFT_ANNOTATIONS:-}" ] || wavelift validate -C "$folder" --format "$WAVELIFT_ANNOTATIONS"
  failed "$code" "$log"
fi

wavelift plan -C "$folder" --out "$out/plan.wlplan" --detailed-exitcode "$@" >"$log" 2>&1
code=$?
inert <"$log"
case "$code" in 0 | 2) ;; *) failed "$code" "$log" ;; esac

wavelift show "$out/plan.wlplan" --markdown --artifact "the artifact of this run (plan.txt)" >"$out/plan.md" &&
  wavelift show "$out/plan.wlplan" --json >"$out/plan.json" || failed 1 "$log"
cp "$log" "$out/plan.txt"
digest=$(sed -n 's/^sha256 `\([0-9a-f]\{64\}@[0-9TZ:-]*\)`$/\1/p' "$out/plan.md" | head -n 1)
changes=false
[ "$code" -eq 2 ] && changes=true
printf 'code=%s\nchanges=%s\ndigest=%s\n' "$code" "$changes" "$digest" >"$out/result"
