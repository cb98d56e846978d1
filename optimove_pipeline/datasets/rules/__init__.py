"""The rules of data sets: what each looks for, what it can do about it, and where in the day's check it stands."""
