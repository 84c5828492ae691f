"""Work that goes on beside requests: propagations and exports by id."""
