"""The demands of a user's own program, counted while it runs natively."""
