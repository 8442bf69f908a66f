"""The OpenAPI document in the repository is the one that the code makes."""

import json
from pathlib import Path

from api.app import ENDPOINTS
from api.docs.annotated import document
from telephony.settings import Settings

DOCUMENT = Path(__file__).parents[2] / "docs/openapi.json"


def test_it_is_up_to_date() -> None:
    made = document(ENDPOINTS, Settings.model_construct().api_url)
    stored = json.loads(DOCUMENT.read_text())
    assert stored == json.loads(json.dumps(made)), (
        "run `sms-voip openapi > docs/openapi.json` and look at what changed"
    )
