"""`python -m vos` is `vos`."""

from vos.cli import main

if __name__ == "__main__":  # processes that start afresh import this file
    main()
