"""The kill campaign: the real process, killed again and again, and a checker that knows what should have been told.

    story.py       levels, and who goes on to the next one when
    plot.py        the accounts, the rules, and what has to be told of them
    web.py         a small HTTP server
    service.py     tells the story to whoever asks
    receiver.py    takes the messages
    world.py       one installation and its process
    aims.py        when to kill
    lane.py        a world that is killed, beside one that is not
    checker.py     what was wrong (pure)
    report.py      what is shown and kept

Nothing here imports `monitor`: what is under test is only ever started, asked, listened to and killed.
"""
