"""What can go wrong with the PBX on this machine."""


class PbxError(Exception):
    """No usable Asterisk; the message is a whole sentence that says what to do."""
