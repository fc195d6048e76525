"""From a plan to what came of it: plan files, approvals, the apply itself, the waiting, words to the engine."""
