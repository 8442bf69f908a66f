"""Makes `docs/settings.md` from the settings themselves."""

from telephony.settings import Settings

HEAD = """# Settings

Read once, at the start, from the environment. `sms-voip doctor` checks them.

| variable | default | meaning |
| --- | --- | --- |
"""


def page() -> str:
    """The whole page."""
    rows = []
    for name, field in Settings.model_fields.items():
        default = "" if field.default_factory else str(field.default)
        hidden = default in ("", "None", "**********")
        shown = "" if hidden else f"`{default}`"
        rows.append(f"| `SMS_VOIP_{name.upper()}` | {shown} | {field.description} |")
    return HEAD + "\n".join(rows) + "\n"


if __name__ == "__main__":
    print(page(), end="")
