"""The lab's Azure: ARM, login, Key Vault and storage, as strict as the real services, on loopback."""
