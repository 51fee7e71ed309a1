"""The tables as this version reads and writes them; `migrations` makes them, with their keys and constraints.

Times are text (`journal.time_to_text`), JSON is text, `rollout.subject` is `kind:name`. `lease.zone` and
`serving.zone` are the canonical JSON of the zone's type, account and id; the row of an ended lease stays (`expires` is NULL
then): no fencing number comes twice. `serving.servers` are names, ascending, with spaces between them.
`approval` finds the journal's entries about approvals by their plan, `confirmation` those about confirmations by their host.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Integer, Text, column, table

meta = table("meta", column("key", Text), column("value", Text))

run = table(
    "run",
    column("id", Integer),
    column("started", Text),
    column("finished", Text),
    column("command", Text),
    column("exit_code", Integer),
    column("who", Text),
    column("version", Text),
)

rollout = table(
    "rollout",
    column("id", Text),
    column("subject", Text),
    column("plan_id", Text),
    column("line", Text),
    column("opened", Text),
    column("closed", Text),
    column("outcome", Text),
)

journal = table(
    "journal",
    column("n", Integer),
    column("at", Text),
    column("run", Integer),
    column("rollout", Text),
    column("kind", Text),
    column("step", Integer),
    column("body", Text),
    column("prev", Text),
    column("hash", Text),
)

approval = table("approval", column("n", Integer), column("plan_id", Text))

confirmation = table("confirmation", column("n", Integer), column("host", Text))

pin = table("pin", column("domain", Text), column("exchange", Text), column("at", Text), column("run", Integer))

serving = table("serving", column("zone", Text), column("zone_name", Text), column("servers", Text), column("at", Text))

lease = table(
    "lease",
    column("zone", Text),
    column("zone_name", Text),
    column("run", Integer),
    column("holder", Text),
    column("purpose", Text),
    column("fencing", BigInteger),
    column("acquired", Text),
    column("expires", Text),
)
