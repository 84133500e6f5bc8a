"""The commands: options, output and exit codes. The work is done by the packages below."""
