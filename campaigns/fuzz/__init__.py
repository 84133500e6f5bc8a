"""The fuzz campaign: the daemon reads every input exactly, or refuses it with a reason. See README.md here.

    __main__.py        a coverage-guided run of one target, by atheris
    targets.py         all targets, with their seeds
    configuration.py   targets of the configuration: a whole file, references, values, a file of clients
    responses.py       targets of responses: of either service, and any bytes on the connection
    exact.py           compares an amount with its written digits, without Decimal

A target takes any bytes and raises an error if it finds a defect. It does not need atheris.
"""
