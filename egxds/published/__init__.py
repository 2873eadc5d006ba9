"""Published generations: whole sets of files in a store that several daemons share."""
