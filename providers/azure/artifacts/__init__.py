"""The artifacts of an estate in Azure: `AzureArtifacts` (in `provider`) implements `planner.ports.ArtifactProvider`."""
