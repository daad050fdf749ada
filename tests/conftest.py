"""What all tests share."""

import sys
from pathlib import Path

import pytest
from hypothesis import settings

TESTS = Path(__file__).parent
# Helper modules beside the tests (instance generators, stand-in models) are imported by name.
for folder in (TESTS / "airgraph_models", TESTS / "airgraph_server"):
    sys.path.insert(0, str(folder))

# Two shared cores: a slow example says nothing about the code.
settings.register_profile("airgraph", deadline=None, max_examples=40)
settings.load_profile("airgraph")


@pytest.fixture(scope="session")
def reference() -> Path:
    """Folder of the frozen instances with known rates."""
    return TESTS / "data" / "reference"
