"""`vos` called in this process."""


def names(folder):
    return sorted(path.name for path in folder.iterdir())
