"""`python -m pretrain` is `vos-pretrain`; torchrun starts it so."""

from pretrain.cli import main

if __name__ == "__main__":
    main()
