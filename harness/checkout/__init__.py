"""The files of two checkouts as they are: followed by a parser, migrated, and run under Node."""
