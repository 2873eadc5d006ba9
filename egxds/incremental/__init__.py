"""Work that is done again only where its input changed. Cellar, pure."""
