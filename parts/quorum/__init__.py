"""Who decides which part of a divided cluster goes on."""
