"""The platform's own process under the supervisor: it imports its code at once, which takes most
of a start, and begins when it is told to."""

import sys

from api.commands.late import late


def main() -> None:
    """Run once the standard input ends: until then the database may lack its newest tables."""
    serve = late("api.commands.serve")
    sys.stdin.read()
    serve.main()


if __name__ == "__main__":
    main()
