"""Run `python -m connector` as `connector`."""

from connector.cli import main

main()
