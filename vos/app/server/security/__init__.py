"""Who may ask the server: addresses, the token and its cookie, origins, sizes of bodies."""
