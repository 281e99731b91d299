"""Do the least that a mirror needs: the same requests, decoded, in SQLite; no care of any kind.

urllib3, orjson and executemany of sqlite3. It knows nothing of limits, retries, merges, changes,
bad answers, interruption or due records. Run it: `python -m bench.anchor URL DATABASE`.
"""

from __future__ import annotations

import sqlite3
import sys

import orjson
import urllib3

from bench.canned_portal import TOKEN

PROPERTIES = {
    "deals": "closedate,createdate,dealstage,hs_is_closed,hs_is_closed_won,"
    "hs_v2_date_entered_current_stage,pipeline",
    "companies": "domain,hs_v2_date_entered_current_stage,hubspot_owner_id,lifecyclestage",
    "contacts": "associatedcompanyid,email,first_conversion_event_name,hs_lead_status,"
    "hs_v2_date_entered_current_stage,hubspot_owner_id,lifecyclestage,num_conversion_events,"
    "recent_conversion_date,recent_conversion_event_name",
}
_HEADERS = {"Authorization": f"Bearer {TOKEN}", "Accept-Encoding": "gzip"}
_TABLES = """
CREATE TABLE records (kind TEXT, id INTEGER, properties TEXT, modified TEXT, created TEXT,
                      PRIMARY KEY (kind, id)) WITHOUT ROWID;
CREATE TABLE links (kind TEXT, source INTEGER, target INTEGER,
                    PRIMARY KEY (kind, source, target)) WITHOUT ROWID;
"""


def mirror(url: str, database: str) -> None:
    """List every record into a new database, a page a transaction, and the links of deals."""
    connection = sqlite3.connect(database)
    connection.execute("PRAGMA journal_mode=WAL")
    connection.executescript(_TABLES)
    pool = urllib3.PoolManager()
    for kind, names in PROPERTIES.items():
        after, ids = "", []
        while True:
            path = f"{url}/crm/objects/2026-03/{kind}?limit=100&properties={names}{after}"
            page = orjson.loads(pool.request("GET", path, headers=_HEADERS).data)
            rows = [
                (
                    kind,
                    int(row["id"]),
                    orjson.dumps(row["properties"]).decode(),
                    row["updatedAt"],
                    row["createdAt"],
                )
                for row in page["results"]
            ]
            with connection:
                connection.executemany("INSERT OR REPLACE INTO records VALUES (?,?,?,?,?)", rows)
            ids += [row["id"] for row in page["results"]]
            if "paging" not in page:
                break
            after = f"&after={page['paging']['next']['after']}"
        if kind == "deals":
            _read_links(url, pool, connection, ids)
    connection.close()


def _read_links(
    url: str, pool: urllib3.PoolManager, connection: sqlite3.Connection, deals: list[str]
) -> None:
    for target in ("contacts", "companies"):
        path = f"{url}/crm/associations/2026-03/deals/{target}/batch/read"
        for start in range(0, len(deals), 1000):
            body = orjson.dumps({"inputs": [{"id": deal} for deal in deals[start : start + 1000]]})
            answer = orjson.loads(pool.request("POST", path, headers=_HEADERS, body=body).data)
            rows = [
                (target, int(row["from"]["id"]), int(link["toObjectId"]))
                for row in answer["results"]
                for link in row["to"]
            ]
            with connection:
                connection.executemany("INSERT OR REPLACE INTO links VALUES (?,?,?)", rows)


if __name__ == "__main__":
    mirror(sys.argv[1], sys.argv[2])
