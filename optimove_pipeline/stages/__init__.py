"""What is done with a partition at each stage: plain functions on frames and files."""
