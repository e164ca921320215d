"""The command line: one file a command, each thin; heavy things are imported inside the commands."""
