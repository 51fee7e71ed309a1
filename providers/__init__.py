"""The adapter contract and the adapters: everything that speaks to a DNS provider."""
