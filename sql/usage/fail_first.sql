-- Fails (22012) in the first try of a transaction and in no other: what a retry is for.
SELECT 1 / (%(attempt)s::integer - 1)
