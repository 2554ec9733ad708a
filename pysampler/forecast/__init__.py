"""What epochs will show, in closed form."""
