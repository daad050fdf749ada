"""Offline training of the networks that AirGraph serves."""
