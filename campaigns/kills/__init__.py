"""The kill campaign: the real process, killed again and again, and a checker that knows what should have been told.

    story.py       levels, and who goes on to the next one when
    plot.py        accounts whose balances try the rules, and what has to be told of them
    crew.py        accounts that try channels and what people do
    setup.py       the configuration file, and what varies in it
    acts.py        does what people do: commands, reloads
    service.py     tells the story to whoever asks
    receiver.py    takes the messages
    world.py       one installation and its process
    aims.py        when to kill
    lane.py        a world that is killed, beside one that is not
    checker.py     what was wrong with the messages (pure)
    records.py     what was wrong with the readings kept, and with summaries (pure)
    report.py      what is shown and kept

What it shares with the other campaigns is in `campaigns.harness`. Nothing here imports `monitor`.
"""
