"""Run `python -m connector` as `connector`."""

from connector.cli.main import main

main()
