# contact = "https://…": an address or a URL of yours, at which the people of the servers can complain.
# There is none that would be right for everybody: set it here, or as TF_VAR_contact.
deletable          = true
log_level          = "DEBUG"
log_retention_days = 14
changes_schedule   = "rate(6 hours)"
stale_hours        = 13
