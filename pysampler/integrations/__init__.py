"""What other libraries need to work with pysampler. Each module imports its library; nobody imports them unasked."""
