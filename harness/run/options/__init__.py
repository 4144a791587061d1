"""What each command may be asked for: one definition a command, read by run/, and from which the command line follows.

Light on purpose: `harness COMMAND --help` imports these modules and nothing that they would start.
"""
