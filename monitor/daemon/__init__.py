"""The running process: start, stop and reload, polling, schedules, liveness. Reads the clock."""
