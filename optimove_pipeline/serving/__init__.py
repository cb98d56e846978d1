"""The API that Optimove pulls deliveries from: its store, and the server over it."""
