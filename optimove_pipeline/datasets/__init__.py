"""The data sets that Optimove ingests: their contracts, their sources, and how a day of one is read and checked."""
