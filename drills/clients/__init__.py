"""How the client outside uses a service: a module for each scheme of an address, with a Client."""
