"""What holds for every test: Ctrl-C works, also where the tests run in the background of a shell, which ignores it."""

import signal

signal.signal(signal.SIGINT, signal.default_int_handler)
