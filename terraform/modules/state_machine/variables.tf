variable "name" {
  description = "Name of the state machine."
  type        = string

  validation {
    condition     = can(regex("^[a-zA-Z0-9_-]{1,80}$", var.name))
    error_message = "name must be 1 to 80 letters, digits, _ or -."
  }
}

variable "definition" {
  description = "Definition in the Amazon States Language, without placeholders."
  type        = string

  validation {
    condition     = can(jsondecode(var.definition).StartAt)
    error_message = "definition must be a state machine: a JSON object with StartAt."
  }
}

variable "policy_json" {
  description = "Policy with the permissions of the state machine. Permission to write logs and traces is added."
  type        = string
}

variable "kms_key_arn" {
  description = "ARN of the KMS key that encrypts the log."
  type        = string
}

variable "log_retention_days" {
  description = "Number of days to keep the log."
  type        = number
}

variable "permissions_boundary_arn" {
  description = "ARN of the permissions boundary of the role; null for none."
  type        = string
  default     = null
}
