"""How much memory there may be, and loads that end before it is used up."""
