"""Who computes next, with whom, and who is refused at once. Transport-free."""
