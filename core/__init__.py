"""What every part of halab needs: errors, folders, the one polling function, local commands."""
