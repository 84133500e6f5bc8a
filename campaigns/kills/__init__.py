"""The kill campaign: the real process, killed again and again, and a checker that knows what has to be notified.

    script.py      what an account answers, level by level, and when it moves to the next level
    scenario.py    the accounts that test the rules, and the incidents that have to be notified
    crew.py        the accounts that test channels and commands
    setup.py       the configuration file, and its changes during a run
    acts.py        the acts of people: commands, reloads
    service.py     the providers' services: answers each request by the account's script
    receiver.py    receives the messages
    world.py       one installation and its process
    aims.py        when to kill
    lane.py        a world that is killed, beside one that is not
    checker.py     finds violations in the messages (pure)
    records.py     finds violations in the stored readings and the summaries (pure)
    report.py      prints the result, and keeps the records
    mutants.py     breaks the program on purpose, to test the checker

The code shared with the other campaigns is in `campaigns.harness`. Nothing here imports `monitor`.
"""
