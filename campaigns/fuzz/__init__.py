"""The fuzz campaign: whatever others write, the daemon reads it exactly, or refuses it in words. See README.md here.

    __main__.py        a coverage-guided run of one target, by atheris
    targets.py         what can be run, with what each begins from
    configuration.py   looks at the configuration: a whole file, references, values, a file of clients
    answers.py         looks at the answers: of either service, and any bytes on the connection
    exact.py           whether an amount is the digits it was written with, told without decimals

A target takes any bytes and raises where something is wrong; it needs no atheris.
"""
