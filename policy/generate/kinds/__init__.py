"""The kinds of objects that a policy is written as, a module for each."""
