"""What is built and installed, as users get it."""
