"""A simulator that plays whole rollouts against every resolver and sender that there can be, and looks for lost mail.

Nothing is sampled on the side of those who ask. What a server serves from a to b with a TTL may be in somebody's cache from a
to b + TTL, and everything that may be cached at one time may meet in one sender (`spans`). On our side the program's own
`propose` and `position` are walked by a small driver (`walk`) that reads, judges, journals and writes as `provisioner.execute`
does, and that is late, is killed between any two of its writes, finds servers silent, has a wrong clock, or loses its state.

What is checked, for domains (`domains`), zones (`zones`) and mail hosts (`mail_hosts`):

- `mail`: at every instant, whatever answers are cached, a sender finds a host that takes the mail, also when it keeps to an
  MTA-STS policy that it fetched earlier. A host stops taking mail in the very second in which the set without it is written:
  whoever runs it needs to wait for nothing more. That is the strictest contract that the design can be held to; a host that
  goes on until the rollout is finished, or for a TTL after the removal, is the same with less to fear.
- `dnssec`: no cached DS meets answers that it makes bogus. `dane`: no secure TLSA set meets a certificate that it does not
  match.
- `order`: what the design promises beyond that. One set at a time is on its way; a new host comes in as the least preferred;
  the old ones go only after the new ones were preferred in every cache for the soak; a DS or TLSA record goes only after what
  stays is known and used everywhere, and the last DS only once nobody holds an answer by which senders rely on DANE.
- `wrote`, `stale`: nothing is written twice, nor over anything else than was read, nor outside the managed key.
- `end`: the rollout comes to its end. `rest`: proposing it again on the way gives the rest of the same steps, waits included.

That the checks see anything is shown by `mutants`: programs made wrong on purpose, all of which must be caught.

What the model leaves out: hosts that fail without having been told to, answers served or kept beyond their TTL (RFC 8767),
servers that go back to an older zone, other people's writes, changes of delegation, the time that a question is under way, the
creation of an MX set where none was, the change in one write (`strategy: direct`), parents that add a DS by themselves (RFC
7344), mistakes in MTA-STS policies that no run of ours saw, a policy that closes after it was open, a clock that is off by a
minute at most or that nobody told to be wrong, signatures by other keys than those that a DS names, and an MX that somebody
leads under mx.microsoft and back between two of our looks. What a resolver got before the first run is left out as well, but
for a set that looks half-way: behind one an answer of up to a day may be cached. A state is lost only where TTLs are up to a
day, for that is what is waited for in their place.
"""
