"""Where packages go: one protocol, and a module for each kind of target."""
