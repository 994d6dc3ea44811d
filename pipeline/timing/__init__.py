"""What has to be done by a time, and what again and again."""
