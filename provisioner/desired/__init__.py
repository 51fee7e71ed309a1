"""Desired state as Microsoft Graph gives it: live, or from a saved answer."""
