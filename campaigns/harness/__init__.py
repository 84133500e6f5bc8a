"""What all campaigns share. Nothing here imports `monitor`: it is only ever started, asked, listened to and killed.

program.py     one process after another on one store, its commands, logs and status
web.py         a small HTTP server
receiver.py    takes the notifications
faketime.py    another wall clock for a process
"""
