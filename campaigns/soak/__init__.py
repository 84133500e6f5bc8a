"""The soak test: a million polls by the real process, with everything that happens in months of operation.

`python -m campaigns.soak` (docs/reliability.md). One process polls some hundred accounts. Their balances follow a
scenario, so that rules fire and resolve all the time. The process is restarted during the first half, and reloaded
during all of it. Its wall clock runs faster, so that hours pass meanwhile and retention deletes rows.

- `scenario`: the accounts, what happens to them, and the configuration.
- `service`: the providers' services, and the receiver of messages.
- `daemon`: the process with its faster clock, and its usage of the machine.
- `samples`: the figures, taken every few seconds, and their trends.
- `verdict`: compares the notifications with the scenario, and judges whether the figures level off.
- `chart`: draws the figures.
"""
