"""To a server: flows wait in a bounded queue, and go in batches, again where one did not arrive."""
