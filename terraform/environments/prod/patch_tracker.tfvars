# contact = "https://…"
# Your mail address or URL, so that the administrators of the servers can reach you. Set it here or as TF_VAR_contact.
log_level          = "INFO"
log_retention_days = 30
