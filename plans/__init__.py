"""The pure core: what should change, in which order, and where a rollout stands. No I/O, clock, environment or logging."""
