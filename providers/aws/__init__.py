"""What the adapters of Amazon's services have in common: the SDK, whom one is to it, how fast it is asked, what went wrong."""
