"""What every command-line program needs: exit codes, errors, progress, tables."""
