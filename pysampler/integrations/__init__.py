"""What other libraries need to work with pysampler. Each module imports its library; nothing here is imported unasked."""
