"""The third party's SMSC, for the tests of this folder."""

from tests.fixtures_smsc import smsc, smsc_process

__all__ = ["smsc", "smsc_process"]
