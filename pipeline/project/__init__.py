"""A project as a whole: starting one, its summary, and the check that it can be reproduced."""
