"""What each command does; the only place where rooms are joined."""
