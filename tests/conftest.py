"""What holds for all tests."""

from hypothesis import settings

# A machine under load may take seconds over what takes milliseconds elsewhere.
settings.register_profile("no deadline", deadline=None)
settings.load_profile("no deadline")
