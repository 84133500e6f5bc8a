"""The soak: a million polls by the real process, with everything at work that goes on for months.

`python -m campaigns.soak` (docs/reliability.md). One process polls some hundred accounts whose balances move by a
script, so that rules fire and resolve all the time; it is stopped and started again in the first half, reloaded
every now and then, and left alone with the rest. A wall clock that runs faster lets hours pass meanwhile, so that
retention is at work too.

- `plot`: the accounts, what happens to them, and the configuration that watches them.
- `service`: what answers the polls, and what takes the messages.
- `daemon`: the process, by a clock that runs faster, and what it takes of the machine.
- `samples`: the figures, taken every few seconds, and whether they level off.
- `verdict`: what had to be told, against what was.
- `chart`: the figures as a picture.
"""
