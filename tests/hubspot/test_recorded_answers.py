"""Every recorded answer that one of our requests could receive becomes the right noun or error.

The recordings lie in the folder that `HUBSPOT_RECORDED_DIR` names. Each is answered, status,
headers and body, to the request of the real door over HTTP.
"""

from __future__ import annotations

import sys
from collections import Counter
from collections.abc import Callable, Iterator, Mapping
from datetime import datetime
from typing import Any, Final

import pytest

from connector.core.model import STAGE, Account, ObjectType, Portal, Record, Ref, Version
from connector.errors import ConnectorError
from connector.hubspot.client import HubSpotDoor
from connector.hubspot.codec.parsing import moment
from connector.hubspot.door import Page, UpdateAnswer
from connector.hubspot.faults import (
    BatchRefused,
    LimitReached,
    RecordMissing,
    RequestRefused,
    ScopeMissing,
    TokenRefused,
    WrongAddress,
    fault,
)
from connector.hubspot.pacing import OUR_SHARE
from connector.hubspot.retrying import Patience
from connector.hubspot.routes import Request, Route
from tests.hubspot.conftest import TOKEN, Waits
from tests.hubspot.recorded_requests import Asked, asked
from tests.hubspot.scripted import Reply, scripted
from tests.recorded.recordings import Answer, Folder, read
from tests.sandbox.schema.folders import required

pytestmark = pytest.mark.network

CONTACTS, COMPANIES, DEALS = ObjectType.CONTACTS, ObjectType.COMPANIES, ObjectType.DEALS
NOT_TOLD: Final = "a_property_that_no_recording_tells"
NOT_NAMED: Final = "999"
KEPT_HEADERS: Final = ("date", "content-type", "allow")
NOTHING: Final = Reply(body={"results": []})
ACCOUNT: Final = Reply(body={"portalId": 1})
"""What the other requests of `portal()` are answered."""
