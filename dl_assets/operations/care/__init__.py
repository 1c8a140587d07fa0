"""What keeps a deployment healthy for months: who is told of a failure, and what is deleted that nobody needs any more."""
