// The client module.
