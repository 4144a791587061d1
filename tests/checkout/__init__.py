"""Small checkouts of our own, as the plan leaves the two repositories, and edits of them."""
