log_level          = "INFO"
log_retention_days = 30
schedule           = "rate(1 hour)"
