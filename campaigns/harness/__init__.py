"""The code that all campaigns share. Nothing here imports `monitor`, which only runs as a process.

program.py     one process after another on one store: signals, commands, logs, status
web.py         a small HTTP server
receiver.py    receives notifications
faketime.py    another wall clock for a process
"""
