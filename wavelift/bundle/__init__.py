"""The support bundle: fetched, freed of secrets, packed."""
