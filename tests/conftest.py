"""Fixtures that every test folder may use."""

pytest_plugins = [
    "tests.fixtures_db",
    "tests.fixtures_pbx",
    "tests.voice.real_pbx",
    "tests.web.browser",
]
