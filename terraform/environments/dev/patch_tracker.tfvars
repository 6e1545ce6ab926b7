# contact = "https://…"
# Your mail address or URL, so that the administrators of the servers can reach you. Set it here or as TF_VAR_contact.
deletable          = true
log_level          = "DEBUG"
log_retention_days = 14
changes_schedule   = "rate(6 hours)"
stale_hours        = 13
