"""Pure decisions: passwords, secrets, tickets, attempts and the permission table.

Nothing here does I/O or reads a clock: `now` is an argument.
"""
