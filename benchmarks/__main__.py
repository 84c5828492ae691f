"""`python -m benchmarks` is `vos-bench`, as torchrun starts it."""

from benchmarks.cli import main

if __name__ == "__main__":
    main()
