# contact = "https://…": an address or a URL of yours, at which the people of the servers can complain.
# There is none that would be right for everybody: set it here, or as TF_VAR_contact.
log_level          = "INFO"
log_retention_days = 30
