"""The company's own databases and files: each one consistent view of the rows that a data set is made of."""
