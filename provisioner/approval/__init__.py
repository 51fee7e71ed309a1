"""Approval of plans: signatures of people, where they are kept, and whether they suffice."""
