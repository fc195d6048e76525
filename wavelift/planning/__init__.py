"""Looking at everything and planning: files, state, inventory, engine and clouds joined into a `Plan`, or into drift."""
