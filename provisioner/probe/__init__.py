"""Gathers the facts that conditions name: what mail hosts present, and what MTA-STS policies say."""
