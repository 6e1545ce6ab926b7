intermediate_days  = 30
log_level          = "INFO"
log_retention_days = 14
schedule           = "cron(0 6 * * ? *)"
