"""The replicas that serve what is published: what each says of itself in the store, and what follows from all of it."""
