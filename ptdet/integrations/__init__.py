"""Adapters with the names, signatures and results of other packages, which need not be installed.

docs/switching.md says for each what the line to change is and what differs.
"""
