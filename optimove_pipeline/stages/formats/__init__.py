"""How a day's rows become files: values as text, lines, and parts of at most so many bytes."""
