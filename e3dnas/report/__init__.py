"""What people see: tables and the live view. ``format_*`` returns something to print, ``print_*`` prints it."""
