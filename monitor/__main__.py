"""`python -m monitor`: the same as `balance-monitor`."""

from monitor.cli import main

main()
