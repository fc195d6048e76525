"""What people watch: status, the cut-over night, cards, standards."""
