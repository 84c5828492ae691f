"""`python -m vos` is `vos`."""

from vos.cli import main

main()
