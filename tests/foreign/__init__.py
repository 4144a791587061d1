"""A backend in another stack, written from its contract alone, with faults that it may be given."""
