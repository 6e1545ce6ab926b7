deletable          = true
log_level          = "DEBUG"
log_retention_days = 14
schedule           = "cron(0 6 ? * MON-FRI *)"
# The schedule has no run from Friday to Monday.
late_hours = 74
