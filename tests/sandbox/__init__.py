"""The sandbox, seen from outside: real sockets, and signatures worked out here and nowhere else."""
