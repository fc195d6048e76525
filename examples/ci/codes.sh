# Sourced by plan.sh and apply.sh: what wavelift's exit codes mean to a pipeline, and a log that gives the runner no orders.

meaning() {
  case "$1" in
    0) echo "done, or nothing to do" ;;
    2) echo "there are changes to make" ;;
    3) echo "stale: what the plan rests on has moved, it is too old, or it was applied already; run the plan again and have it reviewed" ;;
    4) echo "locked: somebody changes the state now and is named above; run this again when they are done" ;;
    5) echo "denied: a permission, an approval or a rule is missing or broken, or this is not the plan that was reviewed" ;;
    6) echo "partial: some steps are done, others failed; run this again, it goes on where it stopped" ;;
    7) echo "a check does not hold" ;;
    130) echo "interrupted; run it again, it goes on" ;;
    *) echo "an error; the text says which object and what to do" ;;
  esac
}

# A runner takes some lines of a log for commands (`::set-output …` on GitHub, `##vso[…]` on Azure). What wavelift prints holds
# names out of vCenter and files out of a pull request, so no line of it may be one.
inert() {
  sed -u -e 's/^\([[:space:]]*\)::/\1: :/' -e 's/##\(vso\)\{0,1\}\[/## \1[/g'
}
