"""Kafka's clients and its words; nothing here knows Faust."""
