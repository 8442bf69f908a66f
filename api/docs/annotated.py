"""The OpenAPI document with the code samples of the page."""

from collections.abc import Sequence
from functools import lru_cache
from pathlib import Path
from typing import Any

from api import openapi
from api.docs import reference
from api.docs.reference import Operation
from api.endpoint import Endpoint

SAMPLES = Path(__file__).parents[2] / "docs/samples"
PAGE_HOST = "https://api.sms-voip.local"
"""The host in the samples, which readers see replaced by their platform's."""
LANGUAGES = {".mjs": "JavaScript", ".php": "PHP"}
FILES = {"send_message": ("sms.mjs", "sms.php"), "place_call": ("voice.mjs",)}


def samples(base_url: str) -> dict[str, str]:
    """Name of a file of docs/samples → its text, for this platform."""
    return {
        path.name: path.read_text().replace(PAGE_HOST, base_url)
        for path in sorted(SAMPLES.iterdir())
    }


@lru_cache(maxsize=4)
def document(endpoints: Sequence[Endpoint], base_url: str) -> dict[str, Any]:
    """What `openapi.document` says, with `x-codeSamples` in each operation."""
    made, files = openapi.document(endpoints, base_url), samples(base_url)
    for one in reference.build(endpoints, base_url).operations:
        made["paths"][one.path][one.method.lower()]["x-codeSamples"] = _of(one, files)
    return made


def _of(operation: Operation, files: dict[str, str]) -> list[dict[str, str]]:
    shell = {"lang": "Shell", "label": "curl", "source": operation.curl}
    others = [
        {"lang": LANGUAGES[Path(name).suffix], "label": name, "source": files[name]}
        for name in FILES.get(operation.id, ())
    ]
    return [shell, *others]
