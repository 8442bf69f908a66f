"""Fixtures that every test folder may use, and limits of requests that no test is to meet that
does not set its own."""

import os

pytest_plugins = [
    "tests.fixtures_db",
    "tests.fixtures_pbx",
    "tests.voice.real_pbx",
    "tests.web.browser",
]
for limit in ("REQUESTS", "PUBLIC_REQUESTS", "FAILED_AUTH"):
    os.environ.setdefault(f"SMS_VOIP_{limit}_PER_MINUTE", "1000000")
