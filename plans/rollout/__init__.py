"""Rollouts as they are proposed: one module a kind of subject."""
