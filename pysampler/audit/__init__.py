"""What epochs showed, drawn again."""
