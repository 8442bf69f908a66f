"""Child processes whose last words are worth keeping."""

import asyncio
from collections import deque
from collections.abc import Callable

UMASK = 0o022
"""Asterisk runs as another user than we: what it is to read must not be for us alone."""

Report = Callable[[str], None]
"""Takes one line of progress, without a line end."""


async def run(argv: list[str], report: Report = lambda line: None) -> tuple[int, str]:
    """Exit status and the last 20 lines of output; `report` gets each line as it comes."""
    process = await asyncio.create_subprocess_exec(
        *argv,
        stdin=asyncio.subprocess.DEVNULL,
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.STDOUT,
        umask=UMASK,
    )
    try:
        return await _follow(process, report)
    finally:
        if process.returncode is None:
            process.kill()
            await process.wait()


async def _follow(process: asyncio.subprocess.Process, report: Report) -> tuple[int, str]:
    assert process.stdout
    last: deque[str] = deque(maxlen=20)
    async for line in process.stdout:
        last.append(line.decode(errors="replace").rstrip())
        report(last[-1])
    return await process.wait(), "\n".join(last)
