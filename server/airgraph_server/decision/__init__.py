"""From instances to answers: network, projection, guard, polish, fallback. Transport-free."""
