"""The Optimove API: the client, its authentication, the budget of calls, and what the answers mean."""
