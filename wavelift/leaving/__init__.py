"""What leaves: destroyed round by round, with its evidence taken out before, or released to its owner."""
