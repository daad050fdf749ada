"""Shipped models, <problem>/<model>/<version>/, and the card that describes each."""
