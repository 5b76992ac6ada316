"""What can be given to each of the commands."""
