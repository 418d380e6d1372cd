"""A project as a whole: starting one, summing it up, checking that it can be made again."""
