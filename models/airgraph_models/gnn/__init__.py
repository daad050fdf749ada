"""The papers' networks, one file a network; torch only here and in training."""
