"""Runs: their figures, what they are compared with, and the page that tells of one."""
